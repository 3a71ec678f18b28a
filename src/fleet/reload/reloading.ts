import type { Reload } from '../../specification/spec.ts';
import { type BootMs, isServing, runOf, type Slot } from '../agent.ts';
import type { Fleet } from '../fleet.ts';
import { isOver } from '../rollout/rolling.ts';
import { leftOf, type Outcome, type ReloadRecord, withOutcomes } from './record.ts';
import { Trial } from './trial.ts';

/** What a turn of a reload has found, and what is to be done. */
export interface ReloadTurn {
  /** Agents to reload now. */
  begin: Trial[];
  /** Slots of which it was found what has become of them. */
  found: ReadonlyMap<number, Outcome>;
}

/**
 * A reload under way: batch after batch, each as large as the limit of starting agents, and each verified by the ready
 * checks before the next one. Agents of a batch that have passed are looked after until the next one begins, so that one
 * that ends a little later ends the reload as well. Nothing of it survives a supervisor but the record: the next one
 * reloads the batch that was under way again. No clock and no I/O.
 */
export class Reloading {
  /** What must survive, as of the last turn. */
  record: ReloadRecord;
  /** The record before this batch. */
  #before: ReloadRecord;
  readonly #trials = new Map<number, Trial>();
  /** What has become of the slots of this batch, and of those that it has skipped. */
  readonly #outcomes = new Map<number, Outcome>();
  /** When the next batch may begin; null while this one is under way. */
  #restsUntil: BootMs | null;

  constructor(record: ReloadRecord, now: BootMs) {
    this.record = record;
    this.#before = record;
    this.#restsUntil = now;
  }

  /** The agent of a slot that is being reloaded; undefined if it is not. */
  trial(slot: number): Trial | undefined {
    return this.#trials.get(slot);
  }

  /** The slots of agents of which a check is awaited. */
  get toBeChecked(): number[] {
    return [...this.#trials.values()]
      .filter(({ slot, isToBeChecked }) => isToBeChecked && !this.#outcomes.has(slot))
      .map(({ slot }) => slot);
  }

  /** Judges the batch, and begins the next one if that is due. */
  turn(fleet: Fleet, now: BootMs): ReloadTurn {
    const found = this.#judge(fleet, now);
    const isOpen = this.#trials.keys().some((slot) => !this.#outcomes.has(slot));
    if (isOpen) return { begin: [], found };
    if (found.size > 0) this.record = withOutcomes(this.#before, this.#outcomes);
    if (this.record.state !== 'running' || !this.#hasRested(fleet, now)) return { begin: [], found };
    const reason = interruption(fleet, this.record);
    if (reason === null) return this.#begin(fleet, found, now);
    this.record = { ...this.record, state: 'failed', reason };
    return { begin: [], found };
  }

  /** Whether the pause after a batch is over. */
  #hasRested({ roundDelayMs }: Fleet, now: BootMs): boolean {
    this.#restsUntil ??= now + roundDelayMs;
    return now >= this.#restsUntil;
  }

  #judge(fleet: Fleet, now: BootMs): Map<number, Outcome> {
    const found = new Map<number, Outcome>();
    for (const [number, trial] of this.#trials) {
      const before = this.#outcomes.get(number);
      if (before && before.is !== 'reloaded') continue;
      const slot = fleet.slots.get(number);
      const after = before ? trial.endIn(slot) : trial.judge(slot, readyOf(fleet, slot), now);
      // One that somebody stops after it has passed was reloaded all the same.
      if (after === null || (before && after.is === 'skipped')) continue;
      found.set(number, after);
      this.#outcomes.set(number, after);
    }
    return found;
  }

  #begin(fleet: Fleet, found: Map<number, Outcome>, now: BootMs): ReloadTurn {
    this.#before = this.record;
    this.#restsUntil = null;
    this.#trials.clear();
    this.#outcomes.clear();
    // Agents that are starting leave less room, but do not hold a reload up for ever.
    const size = Math.max(1, (fleet.adaptive?.limit ?? fleet.spec.rounds.parallel) - fleet.rounds.size);
    for (const number of leftOf(this.record)) {
      if (this.#trials.size === size) break;
      const slot = fleet.slots.get(number);
      if (isAwaited(slot, this.record)) continue;
      const reason = obstacleTo(fleet, slot, this.record);
      if (reason === null) this.#trials.set(number, new Trial(number, runOf(slot!.agent)!.startedAt));
      else {
        this.#outcomes.set(number, { is: 'skipped', reason });
        found.set(number, { is: 'skipped', reason });
      }
    }
    if (this.#trials.size === 0) {
      // Only agents that are awaited may be left: whatever becomes of them is seen at the next look.
      this.#restsUntil = now;
      if (this.#outcomes.size > 0 || leftOf(this.#before).length === 0)
        this.record = withOutcomes(this.#before, this.#outcomes);
    }
    return { begin: [...this.#trials.values()], found };
  }
}

/** How the agent in a slot is reloaded, by the spec of its own release; null if it is not, or nothing runs. */
export function reloadOf(fleet: Fleet, number: number): Reload | null {
  const agent = fleet.slots.get(number)?.agent;
  const run = agent && runOf(agent);
  return run ? fleet.specOf(run.release).reload : null;
}

/** Why no further batch may begin; null if one may. A fleet that was held before may be reloaded: nothing is started. */
function interruption(
  { stopAll, record: { hold }, rolling }: Fleet,
  { heldSince }: ReloadRecord,
): string | null {
  if (stopAll) return 'all agents are being stopped';
  if (hold && hold.since !== heldSince) return `the fleet was held: ${hold.reason}`;
  return rolling.record && !isOver(rolling.record) ? 'a rollout began' : null;
}

/**
 * Whether an agent may have read its configuration before the reload was requested, and cannot be reloaded yet: it still
 * starts, when a signal might end it, or its main process is being succeeded.
 */
function isAwaited(slot: Slot | undefined, { at }: ReloadRecord): boolean {
  if (!slot?.wanted) return false;
  const { agent } = slot;
  return agent.state === 'orphaned' || (agent.state === 'starting' && agent.run.startedAt <= at);
}

/** Why the agent in a slot is not reloaded; null if it is. */
function obstacleTo(fleet: Fleet, slot: Slot | undefined, { at }: ReloadRecord): string | null {
  if (!slot?.wanted) return 'no longer wanted';
  const { agent, number } = slot;
  const run = runOf(agent);
  if (run && run.startedAt > at) return 'started since';
  if (!isServing(agent)) return agent.state;
  return reloadOf(fleet, number) === null ? 'the spec of its release has no reload' : null;
}

function readyOf(fleet: Fleet, slot: Slot | undefined) {
  const run = slot && runOf(slot.agent);
  return fleet.specOf(run?.release ?? fleet.release).ready;
}
