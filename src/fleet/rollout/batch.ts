import type { Slot } from '../agent.ts';
import type { Fleet } from '../fleet.ts';
import { shareOf } from '../storm.ts';
import type { Batch, Rollout } from './record.ts';

/** The maximum number of agents of each release that are measured: reading one takes some 20 µs. */
const SURVEYED_MAX = 64;

/** Takes a batch from the agents left: those that cannot get worse first, then by number. */
export function chooseBatch(left: readonly Slot[], size: number): Slot[] {
  return left
    .toSorted((a, b) => Number(isBroken(b)) - Number(isBroken(a)) || a.number - b.number)
    .slice(0, size);
}

/** Whether an agent is already in a bad state; one that is only starting for the first time is not. */
export function isBroken({ agent, failures }: Slot): boolean {
  return agent.state !== 'ready' && (failures > 0 || agent.state === 'failed' || agent.state === 'unready');
}

/** The number of agents of a batch, in a fleet of `total`; at least one. */
export function batchSize({ options }: Rollout, total: number): number {
  return Math.max(1, Math.floor(shareOf(options.batch, total)));
}

/** The agents that are ready on a release. */
export function readyOn(fleet: Fleet, release: string): Slot[] {
  return [...fleet.slots.values()].filter(
    ({ wanted, agent }) => wanted && agent.state === 'ready' && agent.run.release === release,
  );
}

/** A sample of slots, spread over all of them. */
export function chooseMeasured(slots: readonly Slot[]): number[] {
  const stride = Math.max(1, slots.length / SURVEYED_MAX);
  const count = Math.min(slots.length, SURVEYED_MAX);
  return Array.from({ length: count }, (_, i) => slots[Math.floor(i * stride)]!.number);
}

/** `batch 3`, `the canary`. */
export function nameOf({ number, isCanary }: Batch): string {
  return isCanary ? 'the canary' : `batch ${number}`;
}
