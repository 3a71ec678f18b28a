import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { Draft } from '../../src/import/draft.ts';
import { fleetText } from '../../src/import/emit.ts';
import { kindOf } from '../../src/import/kind.ts';
import { fleetName } from '../../src/import/names.ts';
import { absolutePath, attemptsPeriod, signalName, sizeText } from '../../src/import/values.ts';

const ORIGIN = { file: 'f', line: 3, name: 'x', value: '' };

test.each([
  ['web', 'web'],
  ['My App_2', 'my-app-2'],
  ['9lives', 'fleet-9lives'],
  ['--', 'fleet'],
  ['ÄÖ', 'fleet'],
  ['a'.repeat(40), 'a'.repeat(31)],
])('%s is named %s', (wanted, name) => {
  expect(fleetName(wanted, new Set())).toBe(name);
});

test('a name that is taken gets a number, within the length', () => {
  const taken = new Set(['a'.repeat(31)]);
  expect(fleetName('a'.repeat(40), taken)).toBe(`${'a'.repeat(29)}-2`);
  expect(fleetName('a'.repeat(40), taken)).toBe(`${'a'.repeat(29)}-3`);
});

test.each([
  ['a/supervisord.conf', '[program:x]\ncommand=a', 'supervisord'],
  ['x.service', '', 'systemd'],
  ['unit', '[Unit]\n[Service]\n', 'systemd'],
  ['ecosystem.config.cjs', '', 'pm2'],
  ['apps', '{ "apps": [] }', 'pm2'],
  ['Procfile.dev', '', 'procfile'],
  ['processes', '# c\nweb: a\nworker: b\n', 'procfile'],
  ['notes.txt', 'hello', null],
  ['empty', '', null],
])('%s is a file of %s', (file, text, kind) => {
  expect(kindOf({ file, text })).toBe(kind);
});

test.each([
  [0, 0],
  [1_000, 1_000],
  [1_024, '1K'],
  [64 * 2 ** 20, '64M'],
  [1.5 * 2 ** 30, '1536M'],
])('%i bytes are written %s', (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});

test.each([
  ['TERM', 'SIGTERM'],
  ['sigint', 'SIGINT'],
  ['15', 'SIGTERM'],
  ['CONT', null],
  ['99', null],
])('signal %s is %s', (text, name) => {
  expect(signalName(text)).toBe(name);
});

test.each([
  ['/a', 'b/../c', '/a/c'],
  ['/a', '/b/./c/', '/b/c'],
  ['/a', '../../b', '/b'],
])('from %s, %s is %s', (directory, path, absolute) => {
  expect(absolutePath(directory, path)).toBe(absolute);
});

test.each([
  [3, 1, undefined, '14s'],
  [10, 0, { min: 0.1, max: 15 }, '1m6s'],
  [100, 1e9, undefined, '3650d'],
])(
  '%i restarts with starts of %d s take at most the period that is reckoned',
  (count, start, backoff, period) => {
    expect(attemptsPeriod(count, start, backoff)).toBe(period);
  },
);

test('a file is what was set, whatever the comments hold', () => {
  const draft = new Draft('x', ORIGIN, new Set());
  draft.set('command', ['a', 'yes', '5', 'null', '#', ': ', '{port}', 'line\nbreak', 'ü'.repeat(200)]);
  draft.set('restart.backoff.min', '1s', 'one\ntwo\u2028three');
  draft.set('env', { A: '027', B: '' });
  draft.note('stop.grace', 'a comment whose key is not set');
  draft.lack({ ...ORIGIN, name: 'k', value: 'v\n# w' }, 'because');
  const text = fleetText(draft, [{ file: 'g', line: 1, directive: 'd', reason: 'general' }]);
  expect(parse(text)).toEqual(draft.spec);
  expect(text.split('\n').filter((line) => line.startsWith('#'))).toEqual([
    '# From x in f, line 3.',
    '# a comment whose key is not set',
    '# Not taken over:',
    '# - k=v # w (f:3): because',
    '# Not taken over, of the whole configuration:',
    '# - d (g:1): general',
  ]);
});
