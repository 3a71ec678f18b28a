import type { Condition } from '../supervisor/worst.ts';
import type { FleetCounts } from './fleets.ts';
import type { LeakStatus } from './leak.ts';
import type { RolloutStatus } from './rollout.ts';

/** What the documents about a fleet say of its condition. */
type Known = Pick<
  FleetCounts,
  'name' | 'target' | 'ready' | 'completed' | 'backoff' | 'failed' | 'held' | 'pressure' | 'verify'
> & { leak: Pick<LeakStatus, 'verdict'> | null; rollout: Pick<RolloutStatus, 'state'> | null };

/** How a fleet is doing, by its documents. */
export function conditionOf({
  name,
  target,
  ready,
  completed,
  backoff,
  failed,
  held,
  pressure,
  verify,
  leak,
  rollout,
}: Known): Condition {
  return {
    name,
    target,
    ready: ready + completed,
    isHeld: held !== null,
    isBlocked: pressure !== null || verify?.degraded === true,
    failing: backoff + failed,
    leak: leak?.verdict ?? 'none',
    isRollingOut: isUnderWay(rollout),
  };
}

/** Whether a rollout still replaces agents, or would if it were not paused. */
export function isUnderWay(rollout: Pick<RolloutStatus, 'state'> | null): boolean {
  return rollout !== null && rollout.state !== 'done' && rollout.state !== 'rolled-back';
}
