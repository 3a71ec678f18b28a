import { afterEach, beforeEach, expect, test } from 'vitest';
import { blocksOf } from './markdown.ts';
import { Session } from './session.ts';

let session: Session;
beforeEach(() => {
  session = new Session();
});
afterEach(() => session.dispose());

async function play(markdown: string): Promise<void> {
  for (const block of blocksOf(markdown)) await session.take(block);
}

const COMMANDS = '```sh\necho "pid 17 after 1.5s"\necho there\n```\n';

test('a page whose commands print what it shows is true, whatever the numbers and what lies between', async () => {
  await play(`${COMMANDS}\n\`\`\`text\npid 4711 after 12 ms\n…\nthere\n\`\`\`\n`);
});

test.each([
  [
    'a line that was not printed',
    `${COMMANDS}\n\`\`\`text\npid 17 before 1.5s\n\`\`\`\n`,
    'not printed: pid 17 before',
  ],
  [
    'lines in another order',
    `${COMMANDS}\n\`\`\`text\nthere\npid 17 after 1.5s\n\`\`\`\n`,
    'not printed: pid 17',
  ],
  ['a command that fails', '```sh\nfalse\ntrue\n```\n', 'exit 1 instead of 0'],
  ['a command that should fail', '<!-- exit: 4 -->\n\n```sh\ntrue\n```\n', 'exit 0 instead of 4'],
])('%s is told', async (_, markdown, problem) => {
  await expect(play(markdown)).rejects.toThrow(problem);
});

test('a file is written where the commands run, and what is not to be run is not', async () => {
  await play('<!-- file: a/b.txt -->\n\n```text\nhello\n```\n\n```sh\ngrep hello a/b.txt\n```\n');
  await play('<!-- not run: it fails -->\n\n```sh\nfalse\n```\n\n```text\nwhatever\n```\n');
});
