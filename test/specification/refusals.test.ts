import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FleetError } from '../../src/errors/fleet-error.ts';
import { FLEET } from '../../src/specification/fields.ts';
import { walk } from '../../src/specification/group.ts';
import { parseSpec } from '../../src/specification/parse.ts';
import { checkPlaces } from '../../src/specification/ports.ts';
import { refusal } from './refusal.ts';

const parse = (more: object) => parseSpec({ name: 'a', command: ['a'], ...more });
const MESSAGE = (more: object) => refusal(() => parse(more));

test.each([
  [{ rounds: { delay: 3 } }, 'rounds.delay: expected a duration', 'found 3; the unit is missing: 3s or 3ms?'],
  [{ stop: { grace: '5' } }, 'stop.grace: expected a duration', 'found "5"; the unit is missing'],
  [{ stop: { grace: '3651d' } }, 'stop.grace: expected a duration', 'the maximum is 3650d'],
  [{ ports: { base: 'x' } }, 'ports.base: expected a whole number from 1 to 65535', 'found "x"'],
  [{ ports: { base: 1, names: ['a', 'a'] } }, 'ports.names', 'a is there twice'],
  [{ ports: { base: 1, names: [] } }, 'ports.names', 'at least one name'],
  [
    { ports: { base: 1, names: ['a', 'b'], perAgent: 3 } },
    'ports.perAgent',
    'expected 2, the number of names',
  ],
  [{ ports: { same: 1 } }, 'ports.same', 'needs addresses'],
  [{ ports: { same: 1, base: 2 }, addresses: { base: '10.0.0.0/8' } }, 'ports.base', 'next to ports.same'],
  [{ addresses: { base: '10.0.0.1/8' } }, 'addresses.base: expected a block', 'write 10.0.0.0/8'],
  [{ addresses: { base: '10.0.0.0/30' }, target: 3 }, 'addresses.base', 'slot 1 is the last one that fits'],
  [{ pidFile: '{address}/x' }, 'pidFile', 'uses {address}, which needs addresses'],
  [{ ports: { base: 1 }, cwd: '{port.metrics}' }, 'cwd', 'ports.names is not written'],
  [{ ports: { base: 1, names: ['main'] }, cwd: '{port.m}' }, 'cwd', 'ports.names are main'],
  [{ stop: { to: 'group' } }, 'stop.to: expected one of main, all', 'found "group"'],
  [{ stop: { command: ['{port}'] } }, 'stop.command[0]', 'needs ports'],
  [{ reload: {} }, 'reload: expected exactly one of signal, exec, http', 'found none'],
  [{ reload: { signal: 'HUP', http: '/' } }, 'reload: expected exactly one', 'signal and http'],
  [{ reload: { http: '/' } }, 'reload.http', 'needs ports'],
  [{ restart: { never: [0] } }, 'restart.never', '0 is in restart.success as well'],
  [{ restart: { success: [256] } }, 'restart.success[0]: expected a whole number from 0 to 255', 'found 256'],
  [{ restart: { attempts: { count: 3 } } }, 'restart.attempts.within: expected a duration', 'required'],
  [
    { ready: { http: '/', status: '399-200' }, ports: { base: 1 } },
    'ready.status: expected status codes',
    '399-200',
  ],
  [
    { ready: { http: '/', headers: { 'a b': 1 } }, ports: { base: 1 } },
    'ready.headers',
    'the name of a header',
  ],
  [{ health: { check: { tcp: true } } }, 'health.check.tcp', 'needs ports'],
  [{ health: { check: { exec: ['{port}'] } } }, 'health.check.exec[0]', 'needs ports'],
  [{ limits: { stack: 'much' } }, 'limits.stack: expected a number, a size', 'found "much"'],
  [{ process: { umask: 27 } }, 'process.umask: expected an octal number in quotes', 'found 27'],
  [{ process: { cpus: '3-1' } }, 'process.cpus: expected processors', '3-1'],
  [{ process: { capabilities: ['FLY'] } }, 'process.capabilities[0]: expected a capability', 'found "FLY"'],
  [{ ports: {} }, 'ports.base: expected a whole number', 'found nothing; base or same is required'],
  [{ ports: { base: 70_000 } }, 'ports.base: ', 'found 70000'],
  [{ target: -1 }, 'target: expected a whole number from 0', 'found -1'],
  [{ target: 1.5 }, 'target: ', 'found 1.5'],
  [{ command: 'sleep 5' }, 'command: expected a list', 'found "sleep 5"'],
  [{ command: [] }, 'command: expected a list', 'found an empty list'],
  [{ command: [''] }, 'command: expected a list', 'an empty program name'],
  [{ command: ['sleep', 5] }, 'command[1]: expected text', 'found 5; write it in quotes: "5"'],
  [{ command: ['a\0b'] }, 'command[0]: expected text without NUL', 'found "a\\u0000b"'],
  [{ env: { '1A': 'x' } }, 'env.1A: expected a name of letters', 'found "1A"'],
  [{ env: { 'a b': 'x' } }, 'env."a b": expected a name of letters, digits, _, . and -', 'found "a b"'],
  [{ env: { A: null } }, 'env.A: expected text', 'found nothing (null); write it in quotes: ""'],
  [{ envFile: '/etc/{slto}.env' }, 'envFile: unknown placeholder "{slto}"', 'did you mean {slot}?'],
  [{ envFile: '/etc/{port}.env' }, 'envFile: uses {port}, which needs ports', ''],
  [{ envFile: '/etc/{port}.env' }, 'envFile', 'uses {port}, which needs ports'],
  [{ env: ['A=1'] }, 'env: expected a mapping', 'found a list'],
  [{ health: null }, 'health: expected a mapping', 'found nothing (null)'],
  [{ labels: ['a'] }, 'labels: expected a mapping of keys to values', 'found a list'],
  [{ labels: { '-a': 'x' } }, 'labels.-a: expected 1 to 63 letters', 'found "-a"'],
  [{ labels: { a: 'x y' } }, 'labels.a: expected at most 63 letters', 'found "x y"'],
  [{ labels: { a: 'x'.repeat(64) } }, 'labels.a: expected at most 63 letters', 'found "xxxx'],
  [{ labels: { a: { b: 1 } } }, 'labels.a: expected at most 63 letters', 'found a mapping'],
  [
    { command: ['a', '{label.tem}'], labels: { team: 'x' } },
    'command[1]: uses {label.tem}, which labels does not have',
    'did you mean {label.team}?',
  ],
  [{ env: { A: '{label.team}' } }, 'env.A: uses {label.team}, which labels does not have', '(labels: none)'],
  [{ name: 'Pilot' }, 'name: expected 1 to 31 lower-case letters', 'found "Pilot"'],
  [{ user: 1000 }, 'user: expected the name of a user, or a mapping (base)', 'found 1000'],
  [{ user: { base: 0 } }, 'user.base: ', 'found 0'],
  [{ stop: { signal: 'SIGSTOP' } }, 'stop.signal: expected one of SIGTERM', 'found "SIGSTOP"'],
  [{ restart: { storm: 'never' } }, 'restart.storm: expected off, or a mapping', 'found "never"'],
  [{ logs: { maxSize: '1MB' } }, 'logs.maxSize: expected a size such as 64K', 'found "1MB"'],
  [{ pressure: { available: 20 } }, 'pressure.available: expected a share such as 20%', 'found 20'],
  [{ update: { batch: 0 } }, 'update.batch: expected a number of agents', 'found 0'],
  [{ leak: { every: { toString: 1 } } }, 'leak.every: expected a duration', 'found a mapping'],
  [{ leak: { growth: '100M' } }, 'leak.growth: expected a rate', 'found "100M"'],
  [{ ready: { tcp: false } }, 'ready.tcp: expected true', 'found false'],
  [{ ready: { http: 'health' } }, 'ready.http: expected a path such as /health', 'found "health"'],
  [{ alerts: {} }, 'alerts: expected exactly one of exec, http', 'found none'],
  [{ alerts: { exec: ['a'], http: 'http://h/' } }, 'alerts: expected exactly one of', 'found exec and http'],
  [{ alerts: { http: 'ftp://h/' } }, 'alerts.http: expected a URL', 'found "ftp://h/"'],
  [{ ready: { tcp: true, udp: true } }, 'ready: expected at most one of', 'found tcp and udp'],
])('refuses %j with path, expectation and finding', (more, where, found) => {
  const message = MESSAGE(more);
  expect(message).toContain(`SPEC_INVALID ${where}`);
  expect(message).toContain(found);
});

test.each([
  [{ rounds: { paralel: 3 } }, 'rounds.paralel: unknown key; did you mean rounds.parallel?'],
  [{ comand: ['b'] }, 'comand: unknown key; did you mean command?'],
  [{ ready: 'sockett' }, 'ready.sockett: unknown key; did you mean ready.socket?'],
  [{ constructor: 1 }, 'constructor: unknown key'],
  [{ 'a\nb': 1 }, '"a\\nb": unknown key'],
])('names the key nearest to the unknown one of %j', (more, expected) => {
  expect(MESSAGE(more)).toContain(`SPEC_INVALID ${expected}`);
});

test('refuses __proto__ as unknown everywhere, and pollutes nothing', () => {
  const hostile =
    '{"name":"a","command":["a"],"__proto__":{"x":1},"rounds":{"__proto__":{"x":1}},"env":{"__proto__":"1"}}';
  const message = refusal(() => parseSpec(JSON.parse(hostile)));
  expect(message.split('\n').map((line) => line.split(':')[0])).toEqual([
    'SPEC_INVALID __proto__',
    'env.__proto__',
    'rounds.__proto__',
  ]);
  expect(({} as Record<string, unknown>).x).toBeUndefined();
});

test('refuses an argument that execve(2) would', () => {
  expect(MESSAGE({ command: ['a', 'x'.repeat(131_072)] })).toContain('command[1]: expected text');
  expect(parse({ command: ['a', 'x'.repeat(131_071)] }).command).toHaveLength(2);
});

test('lists every problem, one a line', () => {
  const message = refusal(() =>
    parseSpec({ nam: 'a', ports: { base: 0 }, rounds: { delay: 1 }, command: ['{port'] }),
  );
  expect(message.split('\n').map((line) => line.split(':')[0])).toEqual([
    'SPEC_INVALID nam',
    'name',
    'command[0]',
    'ports.base',
    'rounds.delay',
  ]);
});

test('tells problems between keys beside those of other keys', () => {
  const message = MESSAGE({ command: ['{port}'], restart: { backoff: { min: '10m' } }, target: 'x' });
  expect(message).toContain('command[0]: uses {port}, which needs ports');
  expect(message).toContain('restart.backoff.min: expected at most restart.backoff.max (5m), found 10m');
  expect(message).toContain('target: expected');
});

test('draws no conclusion from a key that has a problem itself', () => {
  expect(MESSAGE({ command: ['{port}'], ports: { base: 'x' } }).split('\n')).toHaveLength(1);
});

test.each([
  [{ command: ['a', '{port}'] }, 'command[1]: uses {port}, which needs ports'],
  [{ env: { LISTEN: ':{port}' } }, 'env.LISTEN: uses {port}, which needs ports'],
  [{ prepare: ['a', '{port}'] }, 'prepare[1]: uses {port}, which needs ports'],
  [{ ready: { exec: ['a', '{port}'] } }, 'ready.exec[1]: uses {port}, which needs ports'],
  [{ ready: 'tcp' }, 'ready.tcp: needs ports'],
  [{ ready: { udp: true } }, 'ready.udp: needs ports'],
  [{ ready: { http: '/' } }, 'ready.http: needs ports: { base: … }, or {socket} in the command'],
  [{ ports: { base: 65_000 }, target: 537 }, 'ports: slot 536 would own port 65536'],
  [{ ports: { base: 10_000, perAgent: 20 }, target: 3_000 }, 'slot 2775 is the last one that fits'],
  [
    { rounds: { adaptive: true, parallel: 9, parallelMax: 8 } },
    'rounds.parallel: expected at most rounds.parallelMax (8), found 9',
  ],
  [
    { resources: { memory: { request: '2M', limit: '1M' } } },
    'resources.memory.request: expected at most resources.memory.limit (1M), found 2M',
  ],
])('refuses %j, where keys contradict each other', (more, expected) => {
  expect(MESSAGE(more)).toContain(expected);
});

test('allows what only looks like a contradiction', () => {
  expect(parse({ rounds: { parallel: 900 } }).rounds.parallel).toBe(900);
  expect(parse({ command: ['a', '{socket}'], ready: { http: '/' } }).ready.kind).toBe('http');
  expect(parse({ ports: { base: 65_000 }, target: 536 }).target).toBe(536);
  expect(parse({ command: ['a', '{{port}}'] }).command).toEqual(['a', '{{port}}']);
});

test('refuses a slot whose ports or address do not exist, naming it', () => {
  const spec = parse({ ports: { base: 65_530, perAgent: 2 } });
  expect(() => checkPlaces(spec, [2, 0])).not.toThrow();
  expect(refusal(() => checkPlaces(spec, [0, 3, 1]))).toContain('slot 3 would own port 65537');
  expect(() => checkPlaces(parse({}), [999_999])).not.toThrow();
  const few = parse({ addresses: { base: '127.16.0.0/30' } });
  expect(() => checkPlaces(few, [1])).not.toThrow();
  expect(refusal(() => checkPlaces(few, [2]))).toContain('127.16.0.0/30 has no address for slot 2');
});

test('keeps the message short for a document of a million unknown keys', () => {
  const hostile = Object.fromEntries(Array.from({ length: 1_000_000 }, (_, i) => [`k${i}`, 1]));
  const message = refusal(() => parseSpec(hostile));
  expect(message.length).toBeLessThan(10_000);
  const lines = message.split('\n');
  expect(lines.length).toBeGreaterThan(10);
  expect(lines.at(-1)).toBe('… and more');
});

test('throws nothing but FleetError, whatever the JSON', () => {
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 6 }), survives));
});

test('throws nothing but FleetError, whatever the values of known keys', () => {
  const roots = Object.keys(FLEET.fields);
  const leaves = [...walk(FLEET.fields)].map(({ path }) => path.split('.').at(-1)!);
  const scalar = fc.oneof(
    fc.jsonValue({ maxDepth: 1 }),
    fc.constantFrom('1s', '{port}', '5%', '1M', '/', true, 3),
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 3 },
      scalar,
      fc.array(scalar, { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...leaves), tie('tree')),
    ),
  }));
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...roots), tree), (document) => {
      survives(document);
      survives({ name: 'a', command: ['a'], ...document });
    }),
  );
});

function survives(document: unknown): void {
  try {
    parseSpec(document);
  } catch (error) {
    expect(error).toBeInstanceOf(FleetError);
  }
}
