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
  cwd: '{dir}',
  prepare: null,
  prepareTimeoutMs: 300_000,
  start: { before: null, timeoutMs: 30_000 },
  target: null,
  ports: null,
  addresses: null,
  rounds: { parallel: 15, delayMs: 3_000, adaptive: false, parallelMax: 500, perMinute: null },
  ready: { kind: 'after', afterMs: 1_000, timeoutMs: 30_000, everyMs: null },
  health: null,
  restart: {
    on: 'always',
    backoff: { minMs: 1_000, maxMs: 300_000 },
    storm: { failures: { percent: 10 }, withinMs: 60_000 },
    success: [0],
    never: [],
    attempts: null,
    settleMs: 10_000,
    maxAge: null,
  },
  stop: { signal: 'SIGTERM', to: 'main', graceMs: 30_000, command: null, parallel: 100 },
  reload: null,
  pidFile: null,
  resources: null,
  limits: null,
  process: {
    nice: null,
    ionice: null,
    cpus: null,
    umask: '022',
    group: null,
    groups: null,
    oomScoreAdj: 500,
    capabilities: [],
  },
  sandbox: null,
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
  logs: { to: 'file', maxSizeBytes: 1_048_576, keep: 1, stderr: 'same' },
  labels: null,
};

/** The times of a ready check that writes none. */
const TIMES = { timeoutMs: 30_000, everyMs: null };

test('gives a spec of name and command exactly the documented defaults', () => {
  expect(parseSpec({ name: 'pilot', command: ['pilot-daemon'] })).toEqual(DEFAULTS);
});

test('reads every key of the contract', () => {
  expect(parseSpec(readSpecText(FULL, 'full.yaml')[0]!.value)).toEqual({
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
    ports: { base: 10_000, same: false, perAgent: 1, names: null, protocol: 'udp' },
    ready: { kind: 'udp', timeoutMs: 30_000, everyMs: null },
    health: { check: null, everyMs: 30_000, failures: 3, timeoutMs: 5_000, afterMs: 0 },
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
    labels: { team: 'edge' },
  });
});

test('reads the keys of the second edition', () => {
  const text = readFileSync(new URL('fixtures/second-edition.yaml', import.meta.url), 'utf8');
  expect(parseSpec(readSpecText(text, 'second-edition.yaml')[0]!.value)).toMatchObject({
    cwd: '.',
    ports: { base: 8_000, same: false, perAgent: 2, names: ['main', 'metrics'], protocol: 'tcp' },
    addresses: { base: '127.16.0.0/16' },
    rounds: { perMinute: 600 },
    start: { before: ['./clean', '{dir}'], timeoutMs: 20_000 },
    prepareTimeoutMs: 120_000,
    stop: { signal: 'SIGTERM', to: 'all', graceMs: 20_000, command: ['./drain'] },
    reload: { signal: 'SIGHUP' },
    restart: {
      success: [0, 143],
      never: [78],
      attempts: { count: 5, withinMs: 600_000 },
      settleMs: 5_000,
      maxAge: { afterMs: 30 * 86_400_000, jitterPercent: 10 },
    },
    pidFile: '{dir}/app.pid',
    ready: {
      kind: 'http',
      path: '/health',
      status: [
        [200, 299],
        [301, 301],
      ],
      host: 'example.org',
      headers: { 'X-A': '{slot}' },
      everyMs: 250,
      timeoutMs: 30_000,
    },
    health: {
      check: { kind: 'http', path: '/live', status: [[204, 204]] },
      everyMs: 30_000,
      timeoutMs: 5_000,
      failures: 3,
      afterMs: 10_000,
    },
    limits: { core: 0, stack: 8_388_608, memlock: 'unlimited', nproc: 4_096, as: null },
    process: {
      nice: 5,
      ionice: 'idle',
      cpus: '0-3',
      umask: '027',
      group: 'pilot',
      groups: ['video'],
      oomScoreAdj: -100,
      capabilities: ['NET_BIND_SERVICE'],
    },
  });
});

test.each([
  [{ exec: ['./reload', '{port}'] }, { exec: ['./reload', '{port}'] }],
  [{ http: '/reload' }, { http: '/reload' }],
  [{ signal: 'USR1' }, { signal: 'SIGUSR1' }],
])('reads reload %j', (reload, expected) => {
  expect(parseSpec({ name: 'a', command: ['a'], ports: { base: 10 }, reload }).reload).toEqual(expected);
});

test('agents that share a port have addresses', () => {
  const written = { ports: { same: 8_000 }, addresses: { base: 'fd00::/64' } };
  const { ports } = parseSpec({ name: 'a', command: ['a', '{address}', '{port}'], ...written });
  expect(ports).toEqual({ base: 8_000, same: true, perAgent: 1, names: null, protocol: null });
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
  expect(spec.ports).toEqual({ base: 1, same: false, perAgent: 1, names: null, protocol: null });
  expect(spec.health).toEqual({ check: null, everyMs: 30_000, failures: 3, timeoutMs: 5_000, afterMs: 0 });
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
  expect(parseSpec({ name: 'a', command, ports }).ready).toEqual({ ...ready, ...TIMES });
});

test('keeps a timeout that is written without a kind of check', () => {
  const ready = { timeout: '5s' };
  expect(parseSpec({ name: 'a', command: ['{socket}'], ready }).ready).toEqual({
    kind: 'socket',
    timeoutMs: 5_000,
    everyMs: null,
  });
});

test.each([
  [{ tcp: true }, { kind: 'tcp' }],
  ['tcp', { kind: 'tcp' }],
  [{ udp: true }, { kind: 'udp' }],
  [{ socket: true }, { kind: 'socket' }],
  [{ http: '/health' }, { kind: 'http', path: '/health', status: [[200, 299]], host: null, headers: {} }],
  [{ exec: ['./check', '{port}'] }, { kind: 'exec', argv: ['./check', '{port}'] }],
  ['notify', { kind: 'notify' }],
  [{ after: '2s' }, { kind: 'after', afterMs: 2_000 }],
])('reads the ready check %j', (ready, expected) => {
  const spec = parseSpec({ name: 'a', command: ['a'], ports: { base: 10 }, ready });
  expect(spec.ready).toEqual({ ...expected, ...TIMES });
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

test('reads numbers and booleans of labels as text, and an empty value', () => {
  const labels = { 'example.org/tier': 2, canary: true, owner: '' };
  expect(parseSpec({ name: 'a', command: ['a'], labels }).labels).toEqual({
    'example.org/tier': '2',
    canary: 'true',
    owner: '',
  });
});
