import type { BootMs } from '../agent.ts';
import type { Rollout } from './record.ts';

/** One measurement of an agent's process; null if it could not be read. */
export interface AgentMeasurement {
  pid: number;
  rssBytes: number | null;
  /** Processor time since its start. */
  cpuMs: number | null;
}

/** Measurements of some agents, by slot. */
export interface Survey {
  at: BootMs;
  agents: ReadonlyMap<number, AgentMeasurement>;
}

/** Agents about to be replaced that may end their connections first, and until when. */
export interface Drain {
  batch: number;
  until: BootMs;
  /** The agents that have connections, or were not checked yet. */
  busy: Set<number>;
}

/** Whether a rollout has ended, so that neither time nor a command changes it. */
export function isOver({ state }: Rollout): boolean {
  return state === 'done' || state === 'rolled-back';
}

/** Whether agents of the new release are on trial: their failures concern the rollout, not the storm breaker. */
export function isOnTrial(rollout: Rollout | null, release: string): rollout is Rollout {
  return rollout !== null && !isOver(rollout) && rollout.to === release;
}

/** The number of agents of the new release that failed, without those that were broken before. */
export function countFailed({ failures, broken }: Rollout): number {
  return failures.filter(({ slot }) => !broken.includes(slot)).length;
}

/**
 * The planner's side of a rollout: the record, which survives, and what a restarted supervisor does without:
 * measurements, drains, and the time without progress.
 */
export class Rolling {
  record: Rollout | null = null;
  /** Failures that are not in the record yet, by slot. */
  readonly unrecorded = new Map<number, string>();
  /** The first and the latest measurements of the batch and of the agents before it. */
  first: Survey | null = null;
  latest: Survey | null = null;
  drain: Drain | null = null;
  /** Since when no agent of the batch has become ready or failed; excused delays reset it. */
  stalledSince: BootMs = 0;
  /** The progress at `stalledSince`. */
  progress = '';

  /** Takes a record that is durable. */
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

  /** Notes a failed agent of the release on trial; a slot counts once. */
  fail(slot: number, reason: string): void {
    if (!this.record || this.record.state === 'rolling-back') return;
    if (this.record.failures.some((failure) => failure.slot === slot) || this.unrecorded.has(slot)) return;
    this.unrecorded.set(slot, reason);
  }

  /** Takes measurements. */
  surveyed(survey: Survey): void {
    this.first ??= survey;
    this.latest = survey;
  }

  /** Lets these agents of the batch end their connections before they are stopped. */
  beginDrain(batch: number, slots: readonly number[], until: BootMs): Drain {
    this.drain = { batch, until, busy: new Set(slots) };
    return this.drain;
  }

  /** Whether an agent must not be stopped yet. */
  isBusy(slot: number, now: BootMs): boolean {
    return this.drain !== null && now < this.drain.until && this.drain.busy.has(slot);
  }
}
