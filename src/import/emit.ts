import { Document, isMap, type Node, type Pair, Scalar, type YAMLMap } from 'yaml';
import type { Draft, Unsupported } from './draft.ts';

/** The order of the keys in a file: that of the reference. */
const ORDER = [
  'name',
  'command',
  'target',
  'labels',
  'env',
  'envFile',
  'cwd',
  'user',
  'process',
  'sandbox',
  'ports',
  'start',
  'ready',
  'health',
  'restart',
  'reload',
  'pidFile',
  'stop',
  'resources',
  'limits',
  'leak',
  'logs',
];
/** A mapping or list that is longer, as text, stands on lines of its own. */
const LINE_CHARS_MAX = 96;
const COMMENT_CHARS_MAX = 108;

/**
 * The text of a fleet file.
 * @param general findings that concern no fleet; they are told at its end
 */
export function fleetText(draft: Draft, general: readonly Unsupported[] = []): string {
  const document = new Document(ordered(draft.spec));
  const root = document.contents as unknown as YAMLMap;
  arrange(root, '', draft);
  root.commentBefore = null;
  const head = comment([...(draft.comments.get('') ?? []), ...misplaced(draft)]);
  const body = document.toString({ lineWidth: 0 });
  return [
    head,
    body,
    ending('Not taken over:', draft.unsupported),
    ending('Not taken over, of the whole configuration:', general),
  ].join('');
}

/** Comments whose key was not set in the end. */
function misplaced(draft: Draft): string[] {
  return [...draft.comments].flatMap(([path, notes]) =>
    path === '' || draft.get(path) !== undefined ? [] : notes,
  );
}

function ordered(spec: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(spec).sort(([one], [other]) => ORDER.indexOf(one) - ORDER.indexOf(other)),
  );
}

/** Gives the keys of a mapping their comments; chooses the short form for what fits on a line. */
function arrange(map: YAMLMap, path: string, draft: Draft): void {
  for (const pair of map.items as Pair<Scalar<string>, Node>[]) {
    const below = path === '' ? pair.key.value : `${path}.${pair.key.value}`;
    const notes = draft.comments.get(below);
    if (notes !== undefined) pair.key.commentBefore = notes.flatMap(wrapped).map(indented).join('\n');
    const { value } = pair;
    if (value instanceof Scalar) continue;
    const collection = value as YAMLMap;
    const written = JSON.stringify(collection.toJSON());
    const hasNotes = [...draft.comments.keys()].some((each) => each.startsWith(`${below}.`));
    collection.flow = !hasNotes && written.length <= LINE_CHARS_MAX && below !== 'env';
    if (isMap(value)) arrange(value, below, draft);
  }
}

function ending(title: string, findings: readonly (Unsupported & { value?: string })[]): string {
  if (findings.length === 0) return '';
  return `\n${comment([
    title,
    ...findings.map(({ directive, value, file, line, reason }) => {
      const written = value ? `${directive}=${value}` : directive;
      return `- ${written.replace(/\s+/g, ' ').slice(0, LINE_CHARS_MAX)} (${file}:${line}): ${reason}`;
    }),
  ])}`;
}

function comment(texts: readonly string[]): string {
  return texts
    .flatMap(wrapped)
    .map((line) => `#${indented(line)}\n`)
    .join('');
}

const indented = (line: string): string => ` ${line}`;

/** A text in lines of a readable length, without characters that would end a comment or that YAML refuses. */
function wrapped(text: string): string[] {
  const plain = text.replace(/[\p{Cc}\p{Zl}\p{Zp}\uE000\uE001\uFEFF]+/gu, ' ');
  const lines: string[] = [];
  for (const word of plain.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > COMMENT_CHARS_MAX)
      lines.push(lines.length === 0 ? word : `  ${word}`);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
