import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { until, type World } from '../e2e/harness.ts';
import { fleetOf } from '../e2e/rollouts.ts';
import { expectOneProcessEach, randomOf } from './crashes.ts';

/**
 * Kills the supervisor at random moments of rolling updates, good ones and bad ones, and of the way back. Whatever the
 * moment, the next supervisor brings the fleet to one release as a whole: the new one, or the one before where the
 * new one is bad, or where the update had not been accepted yet.
 */
export async function killSupervisorDuringRollouts(
  world: World,
  { seed, times, portBase }: { seed: number; times: number; portBase: number },
): Promise<void> {
  const random = randomOf(seed);
  const quick = {
    ready: { tcp: true, timeout: '5s' },
    rounds: { parallel: 3, delay: '0s' },
    update: { batch: 3, wait: '300ms', maxFailed: '10%', canary: 1 },
  };
  const fleet = (env: object) => fleetOf(world, portBase, env, quick);
  await world.ok('spawn', '8', '-f', fleet({}));
  for (let turn = 0; turn < times; turn++) {
    const { release: before } = await world.fleet();
    const isBad = random() < 0.4;
    const afterMs = random() * 3_000;
    const what = `seed ${seed}, turn ${turn}: a ${isBad ? 'bad' : 'good'} release, killed after ${Math.round(afterMs)} ms`;
    const env = isBad ? { NAME: `bad ${turn}`, CRASH_S: '0.15' } : { NAME: `good ${turn}` };
    const updating = world.fleetctl('rolling-update', '-f', fleet(env));
    await sleep(afterMs);
    if (random() < 0.3) await world.fleetctl('rollout', 'abort', '--timeout', '1ms');
    await world.killSupervisor();
    await world.ok('spawn', '--timeout', '1ms').catch(() => {});
    await updating;
    await until(async () => {
      const { rollout, ready } = await world.fleet();
      return ready === 8 && (rollout === null || /^(done|rolled-back)$/.test(rollout.state));
    });
    const { rollout, release } = await world.fleet();
    const agents = await world.ps();
    expect(new Set(agents.map((agent) => agent.release)), what).toEqual(new Set([release]));
    if (isBad) expect(release, what).toBe(before);
    if (rollout?.state === 'done') expect(release, what).toBe(rollout.to);
    await expectOneProcessEach(world, agents, what);
  }
}
