import { describe, expect, test } from 'vitest';
import type { RolloutDocument } from '../../src/api/rollout.ts';
import type { WatchLine } from '../../src/api/watch.ts';
import type { BatchVerdict } from '../../src/fleet/rollout/record.ts';
import { accepted, fleetOf, json, lines, Place, progress, refuse, SPEC } from './harness.ts';

const VERDICT: BatchVerdict = {
  batch: 1,
  isCanary: true,
  agents: 1,
  failed: 0,
  isGood: true,
  reason: '1 of 1 agents ready',
  cohort: { agents: 1, readyMs: 110, rssBytes: 11_000_000, cpu: null },
  before: { agents: 2, readyMs: 105, rssBytes: 10_485_760, cpu: null },
  tookMs: 2_000,
};

const ROLLOUT: RolloutDocument = {
  fleet: 'web',
  id: 4,
  state: 'running',
  from: 'old1',
  to: 'new2',
  updated: 1,
  total: 3,
  failed: 0,
  reason: null,
  startedAt: '2026-01-01T00:00:00.000Z',
  options: {
    batch: { count: 1 },
    waitMs: 1_000,
    canary: 1,
    maxFailed: { percent: 1 },
    rollback: true,
    healthyDeadlineMs: 300_000,
  },
  batch: { number: 2, isCanary: false, agents: 1, ready: 1, observedForMs: 4_000 },
  batchesLeft: 1,
  leftMs: 65_000,
  verdicts: [VERDICT],
  failures: [],
  sample: null,
};

const GOAL = { kind: 'rollout', id: 4, wants: 'done' } as const;
const line = (rollout: Partial<RolloutDocument>): WatchLine => ({
  ...(progress('web', 1, 3) as Extract<WatchLine, { kind: 'progress' }>),
  rollout: { ...ROLLOUT, ...rollout },
});

async function placeWith(...stream: WatchLine[]): Promise<Place> {
  const place = new Place();
  await place.supervise([fleetOf('web')], {
    'POST /v1/fleets/web/rolling-update': json(accepted('web', GOAL)),
    'POST /v1/fleets/web/rollback': json(accepted('web', GOAL)),
    'POST /v1/fleets/web/rollout': json(accepted('web', GOAL)),
    'GET /v1/fleets/web/rollout': json(ROLLOUT),
    'GET /v1/fleets/web/releases': json({
      releases: [
        { release: 'new2', label: 'v2', createdAt: '2026-01-02T00:00:00.000Z', agents: 1, current: true },
        { release: 'old1', label: null, createdAt: '2026-01-01T00:00:00.000Z', agents: 2, current: false },
      ],
    }),
    'GET /v1/fleets/web/watch': lines(...stream),
  });
  return place;
}

const DONE: WatchLine = { kind: 'end', exitCode: 0, message: '3 agents run release new2' };

describe('rolling-update', () => {
  test('sends what was given, checked and in the units of the API', async () => {
    const place = await placeWith(DONE);
    place.write('fleet.yaml', SPEC);
    const { code } = await place.fleetctl(
      ...['rolling-update', '-f', 'fleet.yaml', '--binary', './daemon-2', '--label', 'v2', '--batch', '10%'],
      ...['--wait', '90s', '--canary', '2', '--max-failed', '0', '--no-rollback'],
    );
    expect(code).toBe(0);
    expect(place.bodies('POST /v1/fleets/web/rolling-update')).toEqual([
      {
        spec: { name: 'web', command: ['./daemon'], target: 3 },
        baseDir: place.cwd,
        binary: `${place.cwd}/daemon-2`,
        label: 'v2',
        options: {
          batch: { percent: 10 },
          waitMs: 90_000,
          canary: 2,
          maxFailed: { count: 0 },
          rollback: false,
        },
      },
    ]);
  });

  test('leaves to the spec what was not given', async () => {
    const place = await placeWith(DONE);
    await place.fleetctl('rolling-update');
    expect(place.bodies('POST /v1/fleets/web/rolling-update')).toEqual([{ options: {} }]);
  });

  test.each([
    ['--batch', '0', '--batch must be a number above 0 or a share such as 10%'],
    ['--max-failed', 'few', '--max-failed must be a number or a share'],
    ['--wait', '90', '--wait must be a duration'],
    ['--canary', '-1', '--canary must be a whole number'],
  ])('refuses %s %s before it asks anybody', async (option, value, message) => {
    const place = await placeWith();
    const { code, stderr } = await place.fleetctl('rolling-update', `${option}=${value}`);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
    expect(place.bodies('POST /v1/fleets/web/rolling-update')).toEqual([]);
  });

  test('tells each verdict once, where the batch is, and what is left', async () => {
    const place = await placeWith(line({}), line({ failed: 1 }), DONE);
    const { stderr, stdout } = await place.fleetctl('rolling-update');
    expect(stderr.match(/canary good: 1 of 1 agents ready/g)).toHaveLength(1);
    expect(stderr).toContain('web: 1 of 3, batch 2 of 3: observing for 4s more, 1m 5s left');
    expect(stderr).toContain('1m 5s left, 1 failed');
    expect(stdout).toBe('');
  });

  test('ends with 4, the reason and what the agent said, made safe, when it went back', async () => {
    const place = await placeWith(line({ state: 'rolled-back', sample: 'no\u001b[2Jway' }), {
      kind: 'end',
      exitCode: 4,
      message: 'rolled back, 3 of 3 agents are ready on release old1: exited 1',
      error: { code: 'FLEET_ROLLED_BACK', hint: 'look' },
    });
    const { code, stderr } = await place.fleetctl('rolling-update');
    expect(code).toBe(4);
    expect(stderr).toContain('web: 1 of 3 back on old1');
    expect(stderr).toContain('  | no[2Jway');
    expect(stderr).toContain(
      'FLEET_ROLLED_BACK: rolled back, 3 of 3 agents are ready on release old1: exited 1',
    );
  });

  test('prints JSON lines, the last of them the outcome', async () => {
    const place = await placeWith(line({}), DONE);
    const { stdout } = await place.fleetctl('rolling-update', '--json');
    const [first, last] = stdout
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text));
    expect(first).toMatchObject({ kind: 'progress', rollout: { id: 4, state: 'running' } });
    expect(last).toMatchObject({ fleet: 'web', exitCode: 0, message: '3 agents run release new2' });
  });
});

describe('rollout', () => {
  test('status fits a terminal line but for reasons, and is the API’s document with --json', async () => {
    const place = await placeWith();
    const { stdout } = await place.fleetctl('rollout', 'status');
    expect(stdout).toContain('agents   1 of 3 on new2, 0 failed');
    expect(stdout).toContain('now      batch 2 of 3: observing for 4s more');
    expect(stdout).toMatch(/canary +1 +0 +110 ms \(105 ms\) +10.5M \(10M\) +- +good/);
    for (const text of stdout.split('\n')) expect(text.length).toBeLessThanOrEqual(80);
    expect(JSON.parse((await place.fleetctl('rollout', 'status', '--json')).stdout)).toEqual(ROLLOUT);
  });

  test('status of a fleet that never had one says so', async () => {
    const place = new Place();
    await place.supervise([fleetOf('web')], { 'GET /v1/fleets/web/rollout': json(null) });
    const shown = await place.fleetctl('rollout', 'status');
    expect([shown.code, shown.stderr]).toEqual([0, expect.stringContaining('web has had no rollout yet')]);
    expect((await place.fleetctl('rollout', 'status', '--json')).stdout).toBe('null\n');
  });

  test.each(['pause', 'resume', 'abort'])('%s asks for just that', async (action) => {
    const place = await placeWith(DONE);
    const { code } = await place.fleetctl('rollout', action);
    expect(code).toBe(0);
    expect(place.bodies('POST /v1/fleets/web/rollout')).toEqual([{ action }]);
  });

  test('passes a refusal on', async () => {
    const place = new Place();
    await place.supervise([fleetOf('web')], { 'POST /v1/fleets/web/rollout': refuse('UNKNOWN') });
    const { code, stderr } = await place.fleetctl('rollout', 'pause');
    expect([code, stderr]).toEqual([2, expect.stringContaining('the hint')]);
  });
});

test('rollback names the release where one was given', async () => {
  const place = await placeWith(DONE);
  await place.fleetctl('rollback');
  await place.fleetctl('rollback', '--to', 'old1');
  expect(place.bodies('POST /v1/fleets/web/rollback')).toEqual([{}, { to: 'old1' }]);
});

test('releases are a table, or the API’s document', async () => {
  const place = await placeWith();
  const { stdout } = await place.fleetctl('releases');
  expect(stdout.split('\n').map((text) => text.split(/\s+/)[0])).toEqual(['RELEASE', 'new2', 'old1', '']);
  expect(stdout).toMatch(/new2 +1 .* yes +v2/);
  expect(JSON.parse((await place.fleetctl('releases', '--json')).stdout).releases).toHaveLength(2);
});
