import { globSync, readFileSync } from 'node:fs';

/** A fenced block of a Markdown file, and what the HTML comment right above it says. */
export interface Block {
  /** Where it begins, from 1. */
  line: number;
  language: string;
  text: string;
  /** `file: fleet.yaml`, `not run: it would …`; null where there is no comment. */
  note: { key: string; value: string } | null;
}

const ROOT = new URL('../../', import.meta.url).pathname;
const BLOCK = /(?:^<!-- ([a-z ]+): (.*) -->\n+)?^```(\w*)\n([\s\S]*?)^```$/gm;

/** The pages that users read, by their paths in the repository. */
export const PAGES: readonly string[] = [
  'README.md',
  'CHANGELOG.md',
  'SECURITY.md',
  ...globSync('docs/**/*.md', { cwd: ROOT }).sort(),
];

/** The text of a file of the repository. */
export function readPage(path: string): string {
  return readFileSync(ROOT + path, 'utf8');
}

/** All fenced blocks of a page, in order. */
export function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(BLOCK)].map(({ index, 0: all, 1: key, 2: value, 3: language, 4: text }) => ({
    line: markdown.slice(0, index + all.indexOf('```')).split('\n').length,
    language: language!,
    text: text!,
    note: key === undefined ? null : { key, value: value! },
  }));
}

/** A page without its fenced blocks and comments: what is written for people. */
export function proseOf(markdown: string): string {
  return markdown.replace(/^```[\s\S]*?^```$/gm, '').replace(/<!--[\s\S]*?-->/g, '');
}

/** What a page's headings are called in links: lower case, words joined by -, as GitHub does it. */
export function anchorsOf(markdown: string): string[] {
  return [...markdown.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
