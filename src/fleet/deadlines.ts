import type { Spec } from '../specification/spec.ts';
import type { BootMs, Run, Slot } from './agent.ts';
import { unitHash } from './unit-hash.ts';

/** When time changes the state of a slot: a deadline to act on, or the time of the next start; null if it never does. */
export function deadlineOf({ agent, urgent }: Pick<Slot, 'agent' | 'urgent'>, spec: Spec): BootMs | null {
  switch (agent.state) {
    case 'backoff':
      return agent.due;
    case 'starting':
      return agent.deadline;
    case 'ready':
    case 'unready':
      return expiryOf(agent.run, spec);
    case 'orphaned':
      return agent.until;
    case 'stopping':
      return agent.phase === 'killed' ? null : graceEnd(agent.since, urgent ? 0 : spec.stop.graceMs, agent);
    case 'clearing': {
      if (agent.phase === 'killed') return null;
      const { graceMs } = spec.stop;
      return graceEnd(agent.since, urgent ? 0 : Math.min(agent.graceMs ?? graceMs, graceMs), agent);
    }
    default:
      return null;
  }
}

/** An extension never makes a stop without grace wait. */
function graceEnd(since: BootMs, graceMs: number, { extendedTo }: { extendedTo: BootMs }): BootMs {
  return graceMs === 0 ? since : Math.max(since + graceMs, extendedTo);
}

/** When an agent reaches its maximum age, by its share of the jitter; null if it has none. */
export function expiryOf(run: Run, { restart: { maxAge } }: Spec): BootMs | null {
  if (maxAge === null) return null;
  const jitter = (maxAge.jitterPercent / 100) * unitHash(run.pid * 31 + run.startTicks);
  return run.startedAt + Math.round(maxAge.afterMs * (1 - jitter));
}
