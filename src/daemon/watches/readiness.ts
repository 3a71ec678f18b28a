import { agentReady, notReadyBecause } from '../../fleet/transitions.ts';
import type { Spec } from '../../specification/spec.ts';
import type { FleetContext, FleetWatch } from '../fleet/context.ts';
import type { CheckedAgent } from '../shared/checks.ts';
import { after } from '../shared/timers.ts';
import { checkAgents, checkedAgents } from './check-agents.ts';

/** Starting agents are first checked after the minimum, then less and less often the longer they take. */
const POLL_MS = { min: 5, max: 500 } as const;
const POLL_PER_AGE = 1 / 4;
/** Bounds the share of the loop's time: the next check waits for this multiple of the duration of the last one. */
const POLL_COST_FACTOR = 20;

/** Checks whether starting agents are ready. */
export class Readiness implements FleetWatch {
  readonly #context: FleetContext;
  /** When the agents were last checked, in milliseconds since boot; null while none is starting. */
  #polledAt: number | null = null;
  #isSoon = false;

  constructor(context: FleetContext) {
    this.#context = context;
  }

  start(): void {
    if (this.#context.fleet.queues.starting.size > 0) this.agentsStarted();
  }

  agentsStarted(): void {
    if (this.#polledAt !== null) return;
    this.#polledAt = this.#context.services.host.now();
    this.#pollAfter(POLL_MS.min);
  }

  /** An agent that sends READY=1 is checked soon, together with others that do. */
  notified(_slot: number, text: string): void {
    if (!text.includes('READY=1') || this.#isSoon) return;
    this.#isSoon = true;
    after(POLL_MS.min, this.#context.signal, () => {
      this.#isSoon = false;
      void this.#poll();
    });
  }

  #pollAfter(delayMs: number): void {
    const { signal, fleet } = this.#context;
    after(delayMs, signal, async () => {
      const begun = performance.now();
      const youngestMs = await this.#poll();
      if (signal.aborted) return;
      if (fleet.queues.starting.size === 0) {
        this.#polledAt = null;
        return;
      }
      this.#pollAfter(Math.max(POLL_MS.min, this.#pauseMs(youngestMs, performance.now() - begun)));
    });
  }

  /** The time from a check that took `costMs` to the next one. */
  #pauseMs(youngestMs: number, costMs: number): number {
    const { everyMs } = this.#context.fleet.spec.ready;
    if (everyMs !== null) return everyMs - costMs;
    return Math.min(POLL_MS.max, Math.max(youngestMs * POLL_PER_AGE, costMs * POLL_COST_FACTOR));
  }

  /**
   * Checks all starting agents. A check that fails as a whole (for want of a descriptor, say) says nothing about the
   * agents, and is repeated.
   * @returns the age of the youngest
   */
  async #poll(): Promise<number> {
    try {
      return await this.#checkAll();
    } catch (error) {
      this.#context.services.log.error({ error: (error as Error).message }, 'cannot check agents');
      return POLL_MS.max;
    }
  }

  async #checkAll(): Promise<number> {
    const { fleet, name, services } = this.#context;
    const { checks, host, journal, observer } = services;
    const agents = checkedAgents(this.#context, fleet.queues.starting).filter(({ key }) =>
      host.processes.isContained(key),
    );
    const check = ({ ready }: Spec, alike: readonly CheckedAgent[]) => checks.readiness(ready, alike);
    let youngestMs = Number.POSITIVE_INFINITY;
    const uncheckedMs = this.#sincePoll();
    await checkAgents(this.#context, agents, check, ({ slot, ageMs }, problem) => {
      youngestMs = Math.min(youngestMs, ageMs);
      if (problem !== null) {
        notReadyBecause(fleet, slot, problem);
        return;
      }
      agentReady(fleet, slot, host.now(), uncheckedMs);
      observer.ready(name, ageMs);
      // One that the next supervisor does not know as ready is checked again.
      this.#context.noteRun(slot, 'soon');
      journal.slot('ready', name, slot, 'ready');
    });
    this.#context.wake();
    return Number.isFinite(youngestMs) ? youngestMs : 0;
  }

  /** The time since the agents were last checked; 0 if no check was expected. */
  #sincePoll(): number {
    const now = this.#context.services.host.now();
    const before = this.#polledAt;
    if (before === null) return 0;
    this.#polledAt = now;
    return now - before;
  }
}
