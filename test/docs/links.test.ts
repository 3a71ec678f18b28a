import { existsSync, globSync } from 'node:fs';
import { dirname, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { COMMANDS, COMMON_OPTIONS, type OptionEntry } from '../../src/cli/commands.ts';
import { anchorsOf, blocksOf, PAGES, proseOf, readPage } from './markdown.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const LINK = /(?:\]\(|src="|srcset="|href=")([^)"\s]+)/g;
/** Paths of this repository as they are named in text. */
const NAMED_FILE = /`((?:bench|bin|docs|examples|man|schema|src|sysctl|systemd|test)\/[\w./*-]+)`/g;
const CALL = /\bfleetctl((?: [^\s`|;&)#]+)+)/g;

const pages = PAGES.map((path) => ({ path, text: readPage(path) }));

test.each(pages)('$path: what is linked is there', ({ path, text }) => {
  const links = [...text.matchAll(LINK)].map(([, target]) => target!);
  expect(links.filter((target) => !/^(https?:|mailto:)/.test(target) && !isThere(path, target))).toEqual([]);
});

test.each(pages)('$path: what is named is there', ({ text }) => {
  const files = [...proseOf(text).matchAll(NAMED_FILE)].map(([, file]) => file!);
  expect(files.filter((file) => globSync(file, { cwd: ROOT }).length === 0)).toEqual([]);
});

test.each(pages)('$path: every call of fleetctl is one that it understands', async ({ text }) => {
  const written = [
    ...blocksOf(text).flatMap(({ language, text: commands }) => (language === 'sh' ? [commands] : [])),
    ...[...proseOf(text).matchAll(/`([^`]+)`/g)].map(([, code]) => code!),
  ];
  const calls = written.flatMap((code) => [...code.matchAll(CALL)].map(([, words]) => words!.trim()));
  const wrong = await Promise.all(calls.map(async (call) => ((await isUnderstood(call)) ? [] : [call])));
  expect(wrong.flat()).toEqual([]);
});

function isThere(page: string, target: string): boolean {
  const [file, anchor] = target.split('#') as [string, string?];
  const path = file === '' ? page : normalize(`${dirname(page)}/${file}`);
  if (!existsSync(ROOT + path)) return false;
  return anchor === undefined || anchorsOf(readPage(path)).includes(anchor);
}

/** Whether the command is known, and every option before `--` is one of its own. Words in capitals are placeholders. */
async function isUnderstood(call: string): Promise<boolean> {
  const [name, ...words] = call.split(' -- ')[0]!.split(' ') as [string, ...string[]];
  if (/^(-|[A-Z])/.test(name)) return true;
  const entry = COMMANDS.find((command) => command.name === name);
  if (!entry) return name === 'help';
  const options = [...entry.options, ...((await entry.moreOptions?.()) ?? []), ...COMMON_OPTIONS];
  const flags = [...options.flatMap(flagsOf), '--help', '-h'];
  return words.filter((word) => /^--?[a-z]/.test(word)).every((word) => flags.includes(word.split('=')[0]!));
}

const flagsOf = ({ flags }: OptionEntry): string[] => flags.match(/--?[a-z][\w-]*/g) ?? [];
