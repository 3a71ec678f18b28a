import { expect, test } from 'vitest';
import { completeSpec } from '../../src/specification/complete.ts';
import { parseSpec } from '../../src/specification/parse.ts';

/** A spec as 0.1.0 stored it: without the keys of later versions. */
const STORED = {
  name: 'pilot',
  command: ['./pilot', '{port}'],
  binary: null,
  env: { A: '1' },
  envFile: null,
  user: null,
  prepare: null,
  target: 3,
  ports: { base: 10_000, perAgent: 2, protocol: 'tcp' },
  rounds: { parallel: 5, delayMs: 100, adaptive: false, parallelMax: 500 },
  ready: { kind: 'http', path: '/health', timeoutMs: 9_000 },
  health: { everyMs: 1_000, failures: 2 },
  restart: { on: 'on-failure', backoff: { minMs: 7, maxMs: 70 }, storm: null },
  stop: { signal: 'SIGINT', graceMs: 5_000, parallel: 7 },
  resources: null,
  leak: null,
  pressure: null,
  verify: null,
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

test('a spec that an older version stored keeps its values, and gets the defaults of keys added since', () => {
  const written = parseSpec({
    name: 'pilot',
    command: ['./pilot', '{port}'],
    env: { A: '1' },
    target: 3,
    ports: { base: 10_000, perAgent: 2, protocol: 'tcp' },
    rounds: { parallel: 5, delay: '100ms' },
    ready: { http: '/health', timeout: '9s' },
    health: { every: '1s', failures: 2 },
    restart: { on: 'on-failure', backoff: { min: '7ms', max: '70ms' }, storm: 'off' },
    stop: { signal: 'SIGINT', grace: '5s', parallel: 7 },
  });
  expect(completeSpec(JSON.parse(JSON.stringify(STORED)))).toEqual(written);
});

test('a complete spec stays as it is', () => {
  const spec = parseSpec({ name: 'a', command: ['a'], health: {}, process: { nice: 3 } });
  expect(completeSpec(structuredClone(spec))).toEqual(spec);
});
