import { expect, test } from 'vitest';
import { OPERATIONS } from '../../src/api/operations.ts';
import { MASKS, maskText } from '../../src/daemon/api/masks.ts';
import { withOutput } from '../../src/fleet/quoted.ts';
import { specOf } from '../fleet/fleets.ts';

test('the group may read these operations, and no other', () => {
  const open = Object.entries(OPERATIONS).filter(([, { access }]) => access === 'read');
  expect(open.map(([name]) => name).sort()).toEqual([
    'agents',
    'events',
    'fleet',
    'fleets',
    'memory',
    'metrics',
    'openapi',
    'releases',
    'rollout',
    'samples',
    'status',
    'strays',
    'watch',
    'watchdog',
  ]);
  for (const [name, { method }] of open) expect([name, method]).toEqual([name, 'GET']);
});

test('a spec is shown without the values of env, and with no more of a URL than its host', () => {
  const spec = specOf({
    env: { TOKEN: 'hunter2', PLAIN: '1' },
    leak: { connections: { http: 'http://user:hunter2@stats:80/x?key=hunter2', field: 'n' } },
    verify: { http: 'https://registry/count?token=hunter2', field: 'n' },
    alerts: { http: 'https://hooks.example.org/services/hunter2' },
    ports: { base: 10_000 },
    ready: { http: '/', headers: { Authorization: 'hunter2' } },
    health: { check: { http: '/', headers: { Authorization: 'hunter2' } } },
  });
  const masked = MASKS.fleet!({ spec, baseDir: '/' });
  expect(JSON.stringify(masked)).not.toContain('hunter2');
  expect(masked.spec).toMatchObject({
    env: { TOKEN: '***', PLAIN: '***' },
    leak: { connections: { http: 'http://stats:80/***', field: 'n' } },
    verify: { http: 'https://registry/***' },
    alerts: { http: 'https://hooks.example.org/***' },
    command: spec.command,
  });
});

test.each([
  [withOutput('3 of 3 failed', 'TOKEN=hunter2'), '3 of 3 failed'],
  [
    'API: 2 requests were refused: "Unexpected token in {\\"TOKEN\\": hunter2"',
    'API: 2 requests were refused',
  ],
  ['http://me:hunter2@h:1/hunter2?a=hunter2: timeout, again', 'http://h:1/*** timeout, again'],
  ['exited 1', 'exited 1'],
])('the text %j is shown as %j', (text, shown) => {
  expect(maskText(text)).toBe(shown);
  const event = { seq: 1, at: '', fleet: null, type: 'hold', slots: null, reason: text };
  expect(MASKS.events!(event)).toEqual({ ...event, reason: shown });
});

test('the end of a watch is shown without the output of the agent that failed', () => {
  const end = { kind: 'end', exitCode: 4, message: '0 of 1 ready', sample: 'TOKEN=hunter2' } as const;
  expect(MASKS.watch!(end)).toEqual({ kind: 'end', exitCode: 4, message: '0 of 1 ready' });
});

test('a reload is shown without what its command printed', () => {
  const failed = [{ slot: 1, reason: 'exited 1; its last output: TOKEN=hunter2' }];
  const reload = { reloaded: [0], skipped: [], failed, left: [] };
  const end = { kind: 'end', exitCode: 1, message: '1 failed', reload } as const;
  expect(MASKS.watch!(end)).toEqual({
    ...end,
    reload: { ...reload, failed: [{ slot: 1, reason: 'exited 1' }] },
  });
});

test('a stray is shown with its program alone', () => {
  const stray = { command: '/usr/bin/agent --token hunter2' } as never;
  const { strays } = MASKS.strays!({ strays: [stray], unanswered: 0 });
  expect(strays).toEqual([{ command: '/usr/bin/agent ***' }]);
});
