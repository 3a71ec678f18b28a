import { expect, test } from 'vitest';
import { template } from '../../src/import/holes.ts';
import { importProcfile } from '../../src/import/procfile/import.ts';
import { shellCommand } from '../../src/import/procfile/shell.ts';
import { WORLD } from './fixtures.ts';

const imported = (text: string, envFile: string | null = null) =>
  importProcfile({ file: 'Procfile', text }, WORLD, envFile);

test.each([
  ['node a.js "b c"', ['node', 'a.js', 'b c']],
  ['exec node a.js', ['node', 'a.js']],
  [`a -p $PORT -b :\${PORT}`, ['a', '-p', '{port}', '-b', ':{port}']],
  ['a --json \'{"b":1}\'', ['a', '--json', '{{"b":1}}']],
  ['a *.js', ['sh', '-c', 'exec a *.js']],
  ['a "$HOME"', ['sh', '-c', 'exec a "$HOME"']],
  ['cd b && a', ['sh', '-c', 'cd b && exec a']],
  ['cd b && a "c && d"', ['sh', '-c', 'cd b && exec a "c && d"']],
  ['X=$Y cd b', ['sh', '-c', 'X=$Y && export X && exec cd b']],
])('%s runs %j, and leaves no shell', (text, words) => {
  const command = shellCommand(text);
  expect(command.words.map(template)).toEqual(words);
  expect(command.keepsShell).toBe(false);
});

test.each(['a | b', 'a; b', 'a & b', 'while :; do a; done', '(a)', 'cd b', 'cd $(a) && b'])(
  '%s needs its shell',
  (text) => {
    expect(shellCommand(text)).toMatchObject({ words: ['sh', '-c', text], keepsShell: true });
  },
);

test('variables before a command are its environment', () => {
  expect(shellCommand(`A=1 B='x y' C="" d`)).toMatchObject({
    words: ['d'],
    env: { A: '1', B: 'x y', C: '' },
  });
});

test.each([
  ['web node', 'Procfile:1: expected NAME: COMMAND, found "web node"'],
  ['# a\n\nweb:', 'Procfile:3: web has no command'],
  ['web: a "b', 'Procfile:1: web: a " is not closed'],
  ['web: A=1 ', 'Procfile:1: web names no program'],
  ['# nothing', 'Procfile:1: there is no NAME: COMMAND in it'],
])('%j is refused with its place', (text, message) => {
  expect(() => imported(text)).toThrow(expect.objectContaining({ code: 'IMPORT_INVALID', message }));
});

test('each type of process is a fleet, with the port and the file that foreman gives it', () => {
  const { fleets } = imported('web: ./a\nclock: b\napi: c -p $PORT\n', '/etc/imported/.env');
  expect(fleets.map(({ spec }) => [spec.name, spec.command, spec.ports, spec.envFile])).toEqual([
    ['web', ['/etc/imported/a'], { base: 5_000 }, '/etc/imported/.env'],
    ['clock', ['b'], undefined, '/etc/imported/.env'],
    ['api', ['c', '-p', '{port}'], { base: 5_200 }, '/etc/imported/.env'],
  ]);
});
