import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { type Block, blocksOf, PAGES, readPage } from './markdown.ts';
import { Session } from './session.ts';

/**
 * Whatever a page tells its reader to type is typed here. An HTML comment above a block says what else is to be done with
 * it: `file: NAME` (the reader saves it so), `exit: CODE` (the commands are to end so), `not run: WHY`, or `in the
 * checkout: COMMANDS` (run these instead). A `text` block is what the commands before it print. `needs: PROGRAMS`,
 * anywhere on the page, names what its examples take for granted, root among it.
 */
const NOTES = ['file', 'exit', 'not run', 'in the checkout'];

const pages = PAGES.map((path) => ({ path, text: readPage(path) })).filter(
  ({ path, text }) => !path.startsWith('docs/reference/') && blocksOf(text).some(isCommand),
);

test('finds the pages that it tries', () => {
  expect(pages.map(({ path }) => path)).toEqual(expect.arrayContaining(['README.md', 'docs/tutorial.md']));
});

test.each(pages)('$path: every comment above a block is one that is heeded', ({ text }) => {
  const notes = blocksOf(text).flatMap(({ note }) => note?.key ?? []);
  expect(notes.filter((key) => !NOTES.includes(key))).toEqual([]);
});

for (const { path, text } of pages) {
  const missing = [
    ...needsOf(text).filter((need) => !has(need)),
    ...(isForLater(path) ? ['npm run test:long'] : []),
  ];
  test.skipIf(missing.length > 0)(`${path} does what it says${missingText(missing)}`, async () => {
    const session = new Session();
    try {
      for (const block of blocksOf(text)) await taken(session, block, path);
    } finally {
      await session.dispose();
    }
  });
}

/** The how-tos take as long together as everything else here. */
function isForLater(path: string): boolean {
  return path.startsWith('docs/how-to/') && !process.env.FLEET_TEST_LONG;
}

async function taken(session: Session, block: Block, path: string): Promise<void> {
  try {
    await session.take(block);
  } catch (error) {
    throw new Error(`${path}:${block.line}: ${(error as Error).message}`);
  }
}

function isCommand({ language, note }: Block): boolean {
  return language === 'sh' && note?.key !== 'not run';
}

function needsOf(text: string): string[] {
  return /<!-- needs: (.*) -->/.exec(text)?.[1]?.split(' ') ?? [];
}

function has(need: string): boolean {
  if (need === 'root') return process.getuid!() === 0;
  try {
    execFileSync('which', [need]);
    return true;
  } catch {
    return false;
  }
}

function missingText(missing: readonly string[]): string {
  return missing.length === 0 ? '' : ` (needs ${missing.join(', ')})`;
}
