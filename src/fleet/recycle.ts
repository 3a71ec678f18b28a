import type { Share } from '../specification/spec.ts';
import type { Fleet } from './fleet.ts';
import { shareOf } from './storm.ts';

/** An agent that has outgrown its limit. */
export interface Heavy {
  slot: number;
  rssBytes: number;
}

/**
 * Chooses which agents above their limit are replaced next, the heaviest first: at most as many that, with all that are
 * not ready and all chosen before, no more than one batch of an update is unready at any time.
 */
export function chooseRecycled(heavy: readonly Heavy[], fleet: Fleet, batch: Share): Heavy[] {
  const ready = [...fleet.slots.values()].filter(({ wanted, agent }) => wanted && agent.state === 'ready');
  const candidates = new Set(ready.map(({ number }) => number));
  let chosen = 0;
  for (const { number, agent } of ready) {
    if (agent.state !== 'ready' || agent.run.recycle === undefined) continue;
    candidates.delete(number);
    chosen++;
  }
  const unready = fleet.target - ready.length;
  const room = Math.max(1, Math.floor(shareOf(batch, fleet.target))) - unready - chosen;
  return heavy
    .filter(({ slot }) => candidates.has(slot))
    .toSorted((a, b) => b.rssBytes - a.rssBytes)
    .slice(0, Math.max(0, room));
}
