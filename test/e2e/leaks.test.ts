import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until, World } from './harness.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

/** Grows by `KiB` KiB every 100 ms in the slots below `leaking`; touches what it takes, so that it is resident. */
const LEAKER = `
my ($leaking, $kib) = @ARGV;
my @kept;
while (1) {
  push @kept, 'x' x (1024 * $kib) if $ENV{'FLEET_SLOT'} < $leaking;
  select(undef, undef, undef, 0.1);
}`;
const HOUR_TICKS = 36_000;

function fleetOf(leaking: number, kib: number, leak: object): string {
  const script = world.write('leaker.pl', LEAKER);
  return world.write(
    'fleet.json',
    JSON.stringify({
      name: 'web',
      command: ['perl', script, String(leaking), String(kib)],
      ready: { after: '1ms' },
      rounds: { parallel: 50, delay: '0s' },
      leak,
    }),
  );
}

const leakEvents = async () => (await world.events()).filter(({ type }) => type === 'leak');

describe('200 agents of which 20 leak', () => {
  test('are told apart, with their rate, in status, events, metrics and by the watchdog; once', async () => {
    const kib = 20;
    await world.ok('spawn', '200', '-f', fleetOf(20, kib, { every: '500ms', growth: '1G/h' }));
    await until(async () => (await world.fleet()).leak.verdict === 'leak', 120_000);
    const expected = 20 * kib * 1024 * HOUR_TICKS;
    const named = Array.from({ length: 20 }, (_, slot) => slot);
    await until(async () => {
      const { leak } = await world.fleet();
      const isNear = Math.abs(leak.bytesPerHour / expected - 1) < 0.1;
      return isNear && leak.agents.toSorted((a, b) => a - b).join() === named.join();
    }, 60_000);
    const { leak } = await world.fleet();
    expect(Date.parse(leak.since!)).toBeGreaterThan(Date.now() - 600_000);
    expect(Date.parse(leak.exhaustsAt!)).toBeGreaterThan(Date.now());
    expect((await world.ok('metrics')).stdout).toContain('fleetd_leak{fleet="web"} 1\n');
    const watchdog = await world.fleetctl('watchdog');
    expect(watchdog.code).toBe(4);
    expect(watchdog.stdout).toMatch(/Leak: slots .* and 15 more have grown by/);
    const before = await leakEvents();
    await world.killSupervisor();
    await world.ok('spawn', '200');
    await until(async () => (await world.fleet()).leak.verdict === 'leak');
    expect(await leakEvents()).toEqual(before);
  }, 300_000);
});

test('a fleet that does not grow is not said to, over a restart, a scale-up and a rolling restart', async () => {
  await world.ok('spawn', '20', '-f', fleetOf(0, 0, { every: '100ms', growth: '1M/h' }));
  for (const change of [['spawn', '40'], ['restart'], ['spawn', '40']]) {
    await world.ok(...change);
    await world.killSupervisor();
    await world.ok('spawn', '40');
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect((await world.fleet()).leak).toMatchObject({ verdict: 'none', bytesPerHour: 0, agents: [] });
  }
  expect(await leakEvents()).toEqual([]);
}, 120_000);

test('agents past their limit are named, and recycled in rounds where that is asked for', async () => {
  const file = fleetOf(3, 200, { every: '200ms', agentLimit: '12M', recycle: true });
  await world.ok('spawn', '10', '-f', file);
  const before = await world.ps();
  await until(async () => {
    const now = await world.ps();
    return now.slice(0, 3).every(({ pid }, slot) => pid !== null && pid !== before[slot]!.pid);
  });
  const reasons = (await world.events()).filter(({ type }) => type === 'stop').map(({ reason }) => reason);
  expect(reasons[0]).toMatch(/^SIGTERM: 1\d(\.\d)?M is above leak.agentLimit 12M$/);
  expect((await world.ps()).slice(3).map(({ pid }) => pid)).toEqual(before.slice(3).map(({ pid }) => pid));
});
