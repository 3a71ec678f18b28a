import type { BootMs } from '../agent.ts';
import type { Rollout } from './record.ts';

/** What one look at an agent's process found; null where it could not be read. */
export interface AgentMeasurement {
  pid: number;
  rssBytes: number | null;
  /** Processor time since its start. */
  cpuMs: number | null;
}

/** A look at some agents, by slot. */
export interface Survey {
  at: BootMs;
  agents: ReadonlyMap<number, AgentMeasurement>;
}

/** Agents about to be replaced that may finish first, and until when. */
export interface Drain {
  batch: number;
  until: BootMs;
  /** Those that have connections, as far as anybody has looked. */
  busy: Set<number>;
}

/** Whether nothing more will come of a rollout by itself or by command. */
export function isOver({ state }: Rollout): boolean {
  return state === 'done' || state === 'rolled-back';
}

/** Whether agents of the new release are on trial: its failures are the rollout's business, not the storm breaker's. */
export function isOnTrial(rollout: Rollout | null, release: string): rollout is Rollout {
  return rollout !== null && !isOver(rollout) && rollout.to === release;
}

/** How many agents of the new release failed, those not counted that were broken before. */
export function countFailed({ failures, broken }: Rollout): number {
  return failures.filter(({ slot }) => !broken.includes(slot)).length;
}

/**
 * The planner's side of a rollout: the record that survives and, beside it, what a supervisor that was restarted does
 * without: what was measured so far, who may finish, and how long nothing has got on.
 */
export class Rolling {
  record: Rollout | null = null;
  /** Failures that the record does not have yet, by slot. */
  readonly unrecorded = new Map<number, string>();
  /** The first and the latest look at the batch and at those before it. */
  first: Survey | null = null;
  latest: Survey | null = null;
  drain: Drain | null = null;
  /** Since when no agent of the batch has got ready or failed, what held it up for good reason not counted. */
  stalledSince: BootMs = 0;
  /** What `stalledSince` was last compared with. */
  progress = '';

  /** The record has changed, durably. */
  set(record: Rollout | null): void {
    if (record?.id !== this.record?.id || record?.batch?.number !== this.record?.batch?.number) {
      this.first = null;
      this.latest = null;
      this.drain = null;
    }
    this.record = record;
    if (!record || isOver(record) || record.state === 'rolling-back') this.unrecorded.clear();
    for (const { slot } of record?.failures ?? []) this.unrecorded.delete(slot);
  }

  /** An agent of the release on trial failed; a slot counts once. */
  fail(slot: number, reason: string): void {
    if (!this.record || this.record.state === 'rolling-back') return;
    if (this.record.failures.some((failure) => failure.slot === slot) || this.unrecorded.has(slot)) return;
    this.unrecorded.set(slot, reason);
  }

  /** Agents were measured. */
  surveyed(survey: Survey): void {
    this.first ??= survey;
    this.latest = survey;
  }

  /** These agents of the batch may finish before they are stopped. */
  beginDrain(batch: number, slots: readonly number[], until: BootMs): Drain {
    this.drain = { batch, until, busy: new Set(slots) };
    return this.drain;
  }

  /** Whether an agent is not to be stopped yet. */
  isBusy(slot: number, now: BootMs): boolean {
    return this.drain !== null && now < this.drain.until && this.drain.busy.has(slot);
  }
}
