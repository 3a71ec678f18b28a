import { agentHealthy, agentUnhealthy } from '../../fleet/transitions.ts';
import { unitHash } from '../../fleet/unit-hash.ts';
import type { Check, Spec } from '../../specification/spec.ts';
import { type CheckedAgent, isBulkKind } from '../shared/checks.ts';
import { every } from '../shared/timers.ts';
import { checkAgents, checkedAgents } from './check-agents.ts';
import { SpecWatch } from './spec-watch.ts';

/** Health checks of a fleet are spread over this many moments of their period, so that they do not all come at once. */
const BUCKETS_MAX = 16;
/** Bounds how often a fleet's timer fires, however short the period. */
const TICK_MS_MIN = 250;
/** The maximum number of single checks (http, socket, exec) per second and fleet: it bounds their share of the loop. */
const CHECKS_PER_SECOND_MAX = 500;

interface Checked {
  everyMs: number;
  kind: Check['kind'];
}

/** Checks whether ready agents still are, if the spec has `health`. */
export class Health extends SpecWatch<Checked> {
  protected override partOf({ health, ready }: Spec): Checked | null {
    return health && { everyMs: health.everyMs, kind: (health.check ?? ready).kind };
  }

  protected override begin({ everyMs, kind }: Checked, signal: AbortSignal): void {
    const { log } = this.context.services;
    const buckets = isBulkKind(kind)
      ? 1
      : Math.max(1, Math.min(BUCKETS_MAX, Math.floor(everyMs / TICK_MS_MIN)));
    const tickMs = Math.max(TICK_MS_MIN, everyMs / buckets);
    const countMax = buckets === 1 ? Number.POSITIVE_INFINITY : (CHECKS_PER_SECOND_MAX * tickMs) / 1000;
    const waiting: number[] = [];
    let bucket = 0;
    let isBusy = false;
    const failed = (error: Error) => log.error({ error: error.message }, 'cannot check agents');
    const tick = () => {
      // Agents that are due while others are still being checked wait; they are not skipped.
      waiting.push(...this.#due(bucket, buckets));
      bucket = (bucket + 1) % buckets;
      if (isBusy) return;
      isBusy = true;
      const asked = waiting.splice(0, Math.ceil(countMax));
      void this.#check(asked)
        .catch(failed)
        .finally(() => {
          isBusy = false;
        });
    };
    every(tickMs, signal, tick, failed);
  }

  /** The agents that are due: a hash of the slot spreads them over the period. */
  *#due(bucket: number, buckets: number): Generator<number> {
    for (const { number, agent } of this.context.fleet.slots.values()) {
      if (agent.state !== 'ready' && agent.state !== 'unready') continue;
      if (Math.floor(unitHash(number) * buckets) === bucket) yield number;
    }
  }

  async #check(slots: readonly number[]): Promise<void> {
    const { fleet, name, services } = this.context;
    const { checks, host, journal } = services;
    // An older release may have no health checks, and send nothing that they expect.
    const agents = checkedAgents(this.context, slots).filter(({ release }) => fleet.specOf(release).health);
    const check = ({ health, ready }: Spec, alike: readonly CheckedAgent[]) =>
      checks.health(health!, ready, alike);
    await checkAgents(this.context, agents, check, ({ slot }, problem) => {
      const before = fleet.slot(slot).agent;
      if (problem === null) agentHealthy(fleet, slot, host.now());
      else agentUnhealthy(fleet, slot, problem, host.now());
      const { state } = fleet.slot(slot).agent;
      if (state === before.state) return;
      if (problem === null) journal.slot('healthy', name, slot, 'healthy again');
      else journal.slot('unhealthy', name, slot, problem);
    });
    this.context.wake();
  }
}
