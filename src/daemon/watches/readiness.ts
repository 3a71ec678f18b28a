import { agentReady, notReadyBecause } from '../../fleet/transitions.ts';
import type { FleetContext, FleetWatch } from '../fleet/context.ts';
import { after } from '../shared/timers.ts';
import { ask, checkedAgents } from './asking.ts';

/** Agents that are starting are first checked after this time, then ever less often as they take their time. */
const POLL_MS = { min: 5, max: 500 } as const;
const POLL_PER_AGE = 1 / 4;
/** A check may take this share of the loop's time: the next one waits this many times as long as the last one took. */
const POLL_COST_FACTOR = 20;

/** Asks agents that are starting whether they are ready. */
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

  /** An agent that says READY=1 is worth a check soon, together with others that say so. */
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
      const wishMs = Math.max(youngestMs * POLL_PER_AGE, (performance.now() - begun) * POLL_COST_FACTOR);
      this.#pollAfter(Math.min(POLL_MS.max, Math.max(POLL_MS.min, wishMs)));
    });
  }

  /**
   * Checks all agents that are starting. A check that fails as a whole (no descriptor left for it, say) says nothing
   * about the agents: the next one may not.
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
    let youngestMs = Number.POSITIVE_INFINITY;
    const uncheckedMs = this.#sincePoll();
    await ask(this.#context, agents, checks.readiness.bind(checks), ({ slot, ageMs }, problem) => {
      youngestMs = Math.min(youngestMs, ageMs);
      if (problem !== null) {
        notReadyBecause(fleet, slot, problem);
        return;
      }
      agentReady(fleet, slot, host.now(), uncheckedMs);
      observer.ready(name, ageMs);
      this.#context.noteRun(slot);
      journal.slot('ready', name, slot, 'ready');
    });
    this.#context.wake();
    return Number.isFinite(youngestMs) ? youngestMs : 0;
  }

  /** How long the agents had not been checked until now; 0 where none was expected. */
  #sincePoll(): number {
    const now = this.#context.services.host.now();
    const before = this.#polledAt;
    if (before === null) return 0;
    this.#polledAt = now;
    return now - before;
  }
}
