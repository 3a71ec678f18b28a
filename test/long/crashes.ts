import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { AgentRow } from '../../src/api/agents.ts';
import { isRunning, type World } from '../e2e/harness.ts';

/** Numbers in [0, 1) that are the same for the same seed (mulberry32), so that a failure can be repeated. */
export function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What is under way when the supervisor is killed, the targets that may be found accepted, and who keeps its pid. */
interface Operation {
  args: string[];
  targets: number[];
  keepsPids: boolean;
}

function operation(random: () => number, target: number, max: number): Operation {
  const pick = (low: number, high: number) => low + Math.floor(random() * (high - low + 1));
  const other = pick(2, max);
  switch (pick(0, 5)) {
    case 0:
    case 1:
      return { args: ['spawn', String(other)], targets: [target, other], keepsPids: true };
    case 2: {
      const count = pick(1, target);
      return { args: ['kill', String(count)], targets: [target, target - count], keepsPids: true };
    }
    case 3:
      return { args: ['restart'], targets: [target], keepsPids: false };
    case 4:
      return { args: ['restart', '--latest'], targets: [target], keepsPids: false };
    default:
      return { args: ['status', '--json'], targets: [target], keepsPids: true };
  }
}

/**
 * Kills the supervisor at random moments of random work, again and again. After the next `fleetctl spawn` the count is
 * exact, no slot is held twice, and who was ready before and was not asked to go keeps its pid.
 * @param world has one fleet, ready, whose agents are one process each
 */
export async function killSupervisorAgainAndAgain(
  world: World,
  { seed, times, max, windowMs }: { seed: number; times: number; max: number; windowMs: number },
): Promise<void> {
  const random = randomOf(seed);
  for (let turn = 0; turn < times; turn++) {
    const before = await world.ps();
    const { args, targets, keepsPids } = operation(random, before.length, max);
    const afterMs = random() * windowMs;
    const what = `seed ${seed}, turn ${turn}: ${args.join(' ')} of ${before.length}, killed after ${Math.round(afterMs)} ms`;
    const working = world.fleetctl(...args);
    await sleep(afterMs);
    await world.killSupervisor();
    const survivors = new Set(world.processes());
    const { code, stderr } = await world.fleetctl('spawn');
    // A command that was not accepted before the kill may be so after it, by the supervisor that this spawn started.
    const isOvertaken = code === 1 && stderr.includes('another command set the target');
    expect(isOvertaken || code === 0, `${what}: exit ${code}, ${stderr}`).toBe(true);
    const worked = await working;
    await world.ok('spawn');
    // A restart that went on is done when its command says so; of one that was cut off, nobody can say that.
    if (!keepsPids && worked.code !== 0) await world.ok('restart');
    const after = await world.ps();
    if (!keepsPids)
      expect(
        pidsOf(after).filter((pid) => pidsOf(before).includes(pid)),
        what,
      ).toEqual([]);
    expect(targets, what).toContain(after.length);
    await expectOneProcessEach(world, after, what);
    if (keepsPids) expectSamePids(before, after, survivors, what);
  }
}

/** The kernel's processes are exactly those that `ps` lists, one in each slot. */
export async function expectOneProcessEach(world: World, agents: AgentRow[], what = ''): Promise<void> {
  const byNumber = (a: number, b: number) => a - b;
  expect(new Set(agents.map((agent) => agent.slot)).size, what).toBe(agents.length);
  expect(
    agents.filter((agent) => agent.state !== 'ready'),
    what,
  ).toEqual([]);
  expect(world.processes().sort(byNumber), what).toEqual(pidsOf(agents).sort(byNumber));
}

const pidsOf = (agents: readonly AgentRow[]): number[] => agents.map((agent) => agent.pid!);

function expectSamePids(before: AgentRow[], after: AgentRow[], survivors: Set<number>, what: string): void {
  const pids = new Map(before.map((agent) => [agent.slot, agent.pid!]));
  for (const { slot, pid } of after) {
    const old = pids.get(slot);
    if (old !== undefined && survivors.has(old) && isRunning(old))
      expect(pid, `${what}: slot ${slot}`).toBe(old);
  }
  const kept = new Set(after.map((agent) => agent.slot));
  const lost = before.filter((agent) => kept.has(agent.slot) && !isRunning(agent.pid!));
  // A slot may go and come back between two targets; nobody asked those below both of them to.
  const lowest = Math.min(before.length, after.length);
  expect(
    lost.filter((agent) => before.indexOf(agent) < lowest).map((agent) => agent.slot),
    what,
  ).toEqual([]);
}
