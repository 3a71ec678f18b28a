import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseSpec } from '../../src/specification/parse.ts';
import type { Spec } from '../../src/specification/spec.ts';
import { readSpecText } from '../../src/specification/yaml.ts';

const FULL = readFileSync(new URL('fixtures/full.yaml', import.meta.url), 'utf8');

const DEFAULTS: Spec = {
  name: 'pilot',
  command: ['pilot-daemon'],
  binary: null,
  env: {},
  envFile: null,
  user: null,
  prepare: null,
  target: null,
  ports: null,
  rounds: { parallel: 15, delayMs: 3_000, adaptive: false, parallelMax: 500 },
  ready: { kind: 'after', afterMs: 1_000, timeoutMs: 30_000 },
  health: null,
  restart: {
    on: 'always',
    backoff: { minMs: 1_000, maxMs: 300_000 },
    storm: { failures: { percent: 10 }, withinMs: 60_000 },
  },
  stop: { signal: 'SIGTERM', graceMs: 30_000, parallel: 100 },
  resources: null,
  leak: null,
  pressure: null,
  verify: null,
  alerts: null,
  update: {
    batch: { count: 500 },
    waitMs: 60_000,
    canary: 0,
    maxFailed: { percent: 1 },
    rollback: true,
    healthyDeadlineMs: 300_000,
    keep: 5,
    drain: null,
  },
  logs: { to: 'file', maxSizeBytes: 1_048_576 },
};

test('gives a spec of name and command exactly the documented defaults', () => {
  expect(parseSpec({ name: 'pilot', command: ['pilot-daemon'] })).toEqual(DEFAULTS);
});

test('reads every key of the contract', () => {
  expect(parseSpec(readSpecText(FULL, 'full.yaml'))).toEqual({
    ...DEFAULTS,
    command: [
      './pilot-daemon',
      '-identity',
      '{dir}/identity.json',
      '-socket',
      '{socket}',
      '-listen',
      ':{port}',
    ],
    binary: './pilot-daemon',
    env: { GOGC: '50' },
    envFile: '/etc/fleet/pilot.env',
    user: { name: 'pilot' },
    prepare: ['./init-agent', '{dir}'],
    target: 3_000,
    ports: { base: 10_000, perAgent: 1, protocol: 'udp' },
    ready: { kind: 'udp', timeoutMs: 30_000 },
    health: { everyMs: 30_000, failures: 3 },
    resources: {
      memory: { requestBytes: 10_485_760, limitBytes: 67_108_864 },
      cpu: 0.5,
      pids: 64,
      nofile: 4_096,
    },
    leak: {
      everyMs: 300_000,
      growthBytesPerHour: 104_857_600,
      agentLimitBytes: 20_971_520,
      recycle: false,
      connections: { http: 'http://127.0.0.1/stats', field: 'connections_active' },
    },
    pressure: { availablePercent: 20, hook: ['./pause-benchmarks'] },
    verify: { http: 'http://127.0.0.1/api/stats', field: 'online_agents', atLeastPercent: 95 },
    alerts: { exec: ['./page'], http: null },
    update: { ...DEFAULTS.update, drain: { connections: true, timeoutMs: 30_000 } },
  });
});

test('fills the defaults of a mapping that is absent unless written', () => {
  const spec = parseSpec({
    name: 'pilot',
    command: ['a'],
    ports: { base: 1 },
    health: {},
    leak: {},
    pressure: {},
    resources: {},
    update: { drain: {} },
    verify: { http: 'http://h/', field: 'n' },
  });
  expect(spec.ports).toEqual({ base: 1, perAgent: 1, protocol: null });
  expect(spec.health).toEqual({ everyMs: 30_000, failures: 3 });
  expect(spec.leak).toMatchObject({
    everyMs: 300_000,
    growthBytesPerHour: 104_857_600,
    agentLimitBytes: null,
  });
  expect(spec.pressure).toEqual({ availablePercent: 20, hook: null });
  expect(spec.resources).toEqual({ memory: null, cpu: null, pids: null, nofile: null });
  expect(spec.update.drain).toEqual({ connections: true, timeoutMs: 30_000 });
  expect(spec.verify?.atLeastPercent).toBe(95);
});

test.each([
  [['a', '{socket}', '{port}'], undefined, { kind: 'socket' }],
  [['a', '{port}'], undefined, { kind: 'port' }],
  [['a', '{port}'], 'udp', { kind: 'udp' }],
  [['a', '{port}'], 'tcp', { kind: 'tcp' }],
  [['a', '{{port}}'], 'tcp', { kind: 'after', afterMs: 1_000 }],
])('finds the ready check of %j with protocol %s', (command, protocol, ready) => {
  const ports = { base: 10, ...(protocol && { protocol }) };
  expect(parseSpec({ name: 'a', command, ports }).ready).toEqual({ ...ready, timeoutMs: 30_000 });
});

test('keeps a timeout that is written without a kind of check', () => {
  const ready = { timeout: '5s' };
  expect(parseSpec({ name: 'a', command: ['{socket}'], ready }).ready).toEqual({
    kind: 'socket',
    timeoutMs: 5_000,
  });
});

test.each([
  [{ tcp: true }, { kind: 'tcp' }],
  ['tcp', { kind: 'tcp' }],
  [{ udp: true }, { kind: 'udp' }],
  [{ socket: true }, { kind: 'socket' }],
  [{ http: '/health' }, { kind: 'http', path: '/health' }],
  [{ exec: ['./check', '{port}'] }, { kind: 'exec', argv: ['./check', '{port}'] }],
  ['notify', { kind: 'notify' }],
  [{ after: '2s' }, { kind: 'after', afterMs: 2_000 }],
])('reads the ready check %j', (ready, expected) => {
  const spec = parseSpec({ name: 'a', command: ['a'], ports: { base: 10 }, ready });
  expect(spec.ready).toEqual({ ...expected, timeoutMs: 30_000 });
});

test.each([
  [{ tcp: true }, 'tcp'],
  [{ http: '/' }, 'tcp'],
  [{ udp: true }, 'udp'],
  [{ notify: true }, null],
])('takes the protocol of the ports from ready %j', (ready, protocol) => {
  expect(parseSpec({ name: 'a', command: ['a'], ports: { base: 10 }, ready }).ports?.protocol).toBe(protocol);
});

test('reads what may be written in two ways', () => {
  const read = (more: object) => parseSpec({ name: 'a', command: ['a'], ...more });
  expect(read({ user: { base: 100_000 } }).user).toEqual({ base: 100_000 });
  expect(read({ restart: { storm: 'off' } }).restart.storm).toBeNull();
  expect(read({ restart: { storm: false } }).restart.storm).toBeNull();
  expect(read({ logs: { to: null } }).logs.to).toBe('null');
  expect(read({ logs: { to: 'null' } }).logs.to).toBe('null');
  expect(read({ stop: { signal: 'QUIT' } }).stop.signal).toBe('SIGQUIT');
  expect(read({ logs: { maxSize: 2048 } }).logs.maxSizeBytes).toBe(2048);
  expect(read({ rounds: { delay: 0 } }).rounds.delayMs).toBe(0);
  expect(read({ update: { batch: '5%' } }).update.batch).toEqual({ percent: 5 });
});

test('makes text of numbers and booleans in env', () => {
  const { env } = parseSpec({ name: 'a', command: ['a'], env: { A: 1, B: true, C: '', D: '{slot}' } });
  expect(env).toEqual({ A: '1', B: 'true', C: '', D: '{slot}' });
});
