import { expect, test } from 'vitest';
import { allUnsupported } from '../../src/import/draft.ts';
import { template } from '../../src/import/holes.ts';
import { expandNames, portPattern } from '../../src/import/supervisord/expand.ts';
import { importSupervisord, includesOf } from '../../src/import/supervisord/import.ts';
import { readIni } from '../../src/import/supervisord/ini.ts';
import { shellWords } from '../../src/import/words.ts';
import { WORLD } from './fixtures.ts';

const read = (text: string) => readIni({ file: 's.conf', text });
const imported = (text: string) => importSupervisord([{ file: 's.conf', text }], WORLD);
const specOf = (text: string) => imported(text).fleets[0]!.spec;
const PROGRAM = '[program:x]\ncommand=sleep 9\n';

test('a comment needs white space before it, and a value continues in indented lines', () => {
  const [section] = read('; head\n[program:x]\ncommand=a;b ; comment\n  c # more\n\n  d\nkey : v=w\n');
  expect(section!.directives).toEqual([
    { file: 's.conf', line: 3, name: 'command', value: 'a;b\nc\nd' },
    { file: 's.conf', line: 7, name: 'key', value: 'v=w' },
  ]);
});

test.each([
  ['key=value', 's.conf:1: a directive before the first [section]'],
  ['[a]\nwords', 's.conf:2: expected KEY=VALUE or [section], found "words"'],
  ['[supervisord]', 's.conf:1: there is no [program:x] in it'],
  ['[program:x]\nuser=a', 's.conf:1: [program:x] has no command'],
  ['[program:x]\ncommand=', 's.conf:2: command is empty'],
  ["[program:x]\n\ncommand=a 'b", "s.conf:3: command: a ' is not closed"],
])('%j is refused with its place', (text, message) => {
  expect(() => imported(text)).toThrow(expect.objectContaining({ code: 'IMPORT_INVALID', message }));
});

test.each([
  ['%(process_num)d', '{slot}'],
  ['%(process_num)02d', '{slot:02}'],
  ['%(process_num)s', '{slot}'],
  ['%(program_name)s-%(numprocs)03d', 'x-008'],
  ['100%% {a}', '100% {{a}}'],
  ['%(ENV_HOME)s', '/root'],
])('%s becomes %s', (text, expected) => {
  const problems: string[] = [];
  const names = { program_name: 'x', numprocs: 8, ENV_HOME: '/root' };
  expect(template(expandNames(text, names, (problem) => problems.push(problem)))).toBe(expected);
  expect(problems).toEqual([]);
});

test.each(['%(ENV_NO)s', '%(nothing)s', '50%', '%(process_num)3d'])('%s is reported', (text) => {
  const problems: string[] = [];
  expandNames(text, {}, (problem) => problems.push(problem));
  expect(problems).toHaveLength(1);
});

test.each([
  ['a --port=80%(process_num)02d', 1, 8, 8001],
  ['a -p 220%(process_num)02d', 0, 10, 22_000],
  ['a :9%(process_num)03d', 0, 5, 9_000],
  ['a --shard 80%(process_num)02d', 0, 8, null],
  ['a --port=80%(process_num)02d', 95, 8, null],
  ['a --port=99%(process_num)03d', 0, 8, null],
])('%s from %i has ports from %s', (text, start, count, base) => {
  expect(portPattern(text, start, count)?.base ?? null).toBe(base);
});

test.each([
  [`a "b c" d\\ e 'f\\g' "h\\"i\\j" ""`, ['a', 'b c', 'd e', 'f\\g', 'h"i\\j', '']],
  ['  ', []],
])('%s is split as a shell does', (text, words) => {
  expect(shellWords(text)).toEqual(words);
});

test('what supervisord does without being told is what the fleet does', () => {
  expect(specOf(PROGRAM)).toEqual({
    name: 'x',
    command: ['sleep', '9'],
    target: 1,
    ready: { after: '1s' },
    restart: { on: 'on-failure', storm: 'off' },
    stop: { signal: 'SIGTERM', grace: '10s' },
  });
});

test('sections of one name are one, and the last of a directive counts', () => {
  const { fleets, unsupported } = imported(`${PROGRAM}startsecs=4\n[program:x]\ncommand=tail\nstartsecs=2\n`);
  expect(fleets.map(({ spec }) => [spec.command, spec.ready])).toEqual([[['tail'], { after: '2s' }]]);
  expect(unsupported).toEqual([]);
});

test('programs inherit from [supervisord], and their own settings come first', () => {
  const text = `[supervisord]\numask=077\nuser=a\nenvironment=A="1",B="2"\n${PROGRAM}user=b\nenvironment=B='3'\n`;
  expect(specOf(text)).toMatchObject({ user: 'b', process: { umask: '077' }, env: { A: '1', B: '3' } });
});

test('a program with a slash is found from its directory', () => {
  expect(specOf('[program:x]\ncommand=./bin/a ../b\ndirectory=/srv/x\n').command).toEqual([
    '/srv/x/bin/a',
    '../b',
  ]);
  expect(specOf('[program:x]\ncommand=bin/a\n').command).toEqual(['/etc/imported/bin/a']);
});

test.each(['autostart=false\nnumprocs=4\n', 'numprocs=4\nautostart=false\n'])(
  '%j starts nothing',
  (lines) => {
    expect(specOf(PROGRAM + lines).target).toBe(0);
  },
);

test('process numbers that begin elsewhere are said to', () => {
  const found = imported('[program:x]\ncommand=a --id %(process_num)d\nnumprocs=3\nnumprocs_start=5\n');
  expect(found.fleets[0]!.spec).toMatchObject({ command: ['a', '--id', '{slot}'], target: 3 });
  expect(allUnsupported(found).map(({ line, directive }) => [line, directive])).toEqual([
    [2, 'command'],
    [4, 'numprocs_start'],
  ]);
});

test('an include names patterns with their place', () => {
  const text = '[include]\nfiles = conf.d/*.conf\n  %(here)s/more.conf\n';
  expect(includesOf({ file: 's.conf', text }, WORLD)).toMatchObject([
    { pattern: 'conf.d/*.conf', place: { line: 2 } },
    { pattern: '/etc/imported/more.conf' },
  ]);
});

test('output to the journal has neither size nor place apart', () => {
  expect(specOf(`${PROGRAM}stdout_logfile=syslog\nstderr_logfile=/var/log/x\n`).logs).toEqual({
    to: 'journal',
  });
});
