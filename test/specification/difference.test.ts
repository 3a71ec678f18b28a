import { expect, test } from 'vitest';
import { differences } from '../../src/specification/difference.ts';
import { parseSpec } from '../../src/specification/parse.ts';

const spec = (more: object = {}) => parseSpec({ name: 'a', command: ['a'], ...more });

test('finds nothing between a spec and itself, however it is written', () => {
  expect(differences(spec({ rounds: { delay: '60s' } }), spec({ rounds: { delay: '1m' } }))).toEqual([]);
});

test.each([
  [{ target: 3 }, { target: 4 }, ['target', '3', '4']],
  [
    { command: ['a', '-x 1'] },
    { command: ['a', ':{port}'], ports: { base: 7 } },
    ['command', '[a, "-x 1"]', '[a, ":{port}"]'],
  ],
  [{ env: { A: '1' } }, {}, ['env.A', '"1"', null]],
  [{ rounds: { delay: '1s' } }, { rounds: { delay: '1500ms' } }, ['rounds.delay', '1s', '1s500ms']],
  [{ logs: { maxSize: '1M' } }, { logs: { maxSize: 1_048_577 } }, ['logs.maxSize', '1M', '1048577']],
  [{ update: { batch: 5 } }, { update: { batch: '5%' } }, ['update.batch', '5', '5%']],
  [{ leak: { growth: '1M/h' } }, { leak: { growth: '2G/h' } }, ['leak.growth', '1M/h', '2G/h']],
  [
    { pressure: { available: '20%' } },
    { pressure: { available: '30%' } },
    ['pressure.available', '20%', '30%'],
  ],
  [{ user: 'x' }, { user: { base: 1000 } }, ['user.base', null, '1000']],
  [{}, { restart: { storm: 'off' } }, ['restart.storm', null, 'off']],
  [{ ready: { after: '1s' } }, { ready: { exec: ['check'] } }, ['ready.exec', null, '[check]']],
  [{ ready: { after: '2s' } }, { ready: { after: '3s' } }, ['ready.after', '2s', '3s']],
  [{}, { labels: { team: 'edge' } }, ['labels.team', null, 'edge']],
])('shows %j against %j as a spec file has it', (before, after, [path, from, to]) => {
  expect(differences(spec(before), spec(after))).toContainEqual({ path, from, to });
});

test('shows a check over a port by its kind', () => {
  const ports = { base: 7 };
  const found = differences(spec({ ports, ready: 'tcp' }), spec({ ports, ready: { http: '/live' } }));
  expect(found).toEqual([
    { path: 'ready.http', from: null, to: '/live' },
    { path: 'ready.status', from: null, to: '"200-299"' },
    { path: 'ready.tcp', from: 'true', to: null },
  ]);
});
