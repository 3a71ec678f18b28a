import type { Slot } from '../agent.ts';
import type { Fleet } from '../fleet.ts';
import { shareOf } from '../storm.ts';
import type { Batch, Rollout } from './record.ts';

/** So many agents of each release tell what they are like: reading one costs some 20 µs. */
const SURVEYED_MAX = 64;

/** Takes so many of those that are left: what cannot get worse first, then by number. */
export function chooseBatch(left: readonly Slot[], size: number): Slot[] {
  return left
    .toSorted((a, b) => Number(isBroken(b)) - Number(isBroken(a)) || a.number - b.number)
    .slice(0, size);
}

/** Whether an agent is in a bad way already: not one that is merely on its way up for the first time. */
export function isBroken({ agent, failures }: Slot): boolean {
  return agent.state !== 'ready' && (failures > 0 || agent.state === 'failed' || agent.state === 'unready');
}

/** How many agents a batch has, of so many in the fleet; at least one. */
export function batchSize({ options }: Rollout, total: number): number {
  return Math.max(1, Math.floor(shareOf(options.batch, total)));
}

/** The agents that are ready on a release. */
export function readyOn(fleet: Fleet, release: string): Slot[] {
  return [...fleet.slots.values()].filter(
    ({ wanted, agent }) => wanted && agent.state === 'ready' && agent.run.release === release,
  );
}

/** Some of many, spread over all of them. */
export function chooseMeasured(slots: readonly Slot[]): number[] {
  const stride = Math.max(1, slots.length / SURVEYED_MAX);
  const count = Math.min(slots.length, SURVEYED_MAX);
  return Array.from({ length: count }, (_, i) => slots[Math.floor(i * stride)]!.number);
}

/** `batch 3`, `the canary`. */
export function nameOf({ number, isCanary }: Batch): string {
  return isCanary ? 'the canary' : `batch ${number}`;
}
