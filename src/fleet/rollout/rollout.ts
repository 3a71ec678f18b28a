import type { BootMs, Slot } from '../agent.ts';
import type { Fleet } from '../fleet.ts';
import type { Batch, Rollout } from './record.ts';

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

/** How many agents are ready on a release. */
export function countReadyOn(fleet: Fleet, release: string): number {
  let count = 0;
  for (const { wanted, agent } of fleet.slots.values()) {
    if (wanted && agent.state === 'ready' && agent.run.release === release) count++;
  }
  return count;
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
  #progress = '';

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

  /** Keeps the time that nothing has got on; what is held up by a hold, by pressure or by draining has no blame. */
  observe(fleet: Fleet, now: BootMs): void {
    const { batch } = this.record ?? {};
    if (!this.record || !batch) return;
    const { ready, stopping } = viewBatch(fleet, this.record, batch);
    const isExcused =
      fleet.hold !== null ||
      fleet.pressure !== null ||
      stopping > 0 ||
      fleet.rounds.opensAt(now) !== null ||
      (this.drain !== null && now < this.drain.until && this.drain.busy.size > 0);
    const progress = `${this.record.id} ${batch.number} ${ready.length} ${this.unrecorded.size} ${this.record.failures.length} ${isExcused}`;
    if (isExcused || progress !== this.#progress) this.stalledSince = now;
    this.#progress = progress;
  }
}

/** How a batch gets on. */
export interface BatchView {
  /** Those that are still wanted. */
  members: Slot[];
  /** Ready on the new release, and never failed on it. */
  ready: Slot[];
  /** Neither ready nor failed. */
  waiting: Slot[];
  /** How many are on their way out. */
  stopping: number;
  /** When the last of them got ready. */
  readyAt: BootMs;
}

/** Looks at the agents of a batch. */
export function viewBatch(fleet: Fleet, rollout: Rollout, batch: Batch): BatchView {
  const failed = new Set(rollout.failures.map(({ slot }) => slot));
  const view: BatchView = { members: [], ready: [], waiting: [], stopping: 0, readyAt: 0 };
  for (const number of batch.slots) {
    const slot = fleet.slots.get(number);
    if (!slot?.wanted) continue;
    view.members.push(slot);
    const { agent } = slot;
    if (agent.state === 'stopping' || agent.state === 'clearing') view.stopping++;
    if (failed.has(number) || fleet.rolling.unrecorded.has(number)) continue;
    if (agent.state === 'ready' && agent.run.release === rollout.to && slot.release === rollout.to) {
      view.ready.push(slot);
      view.readyAt = Math.max(view.readyAt, agent.readyAt);
    } else view.waiting.push(slot);
  }
  return view;
}

/** When the observation of a batch ends, all of which is ready or has failed. */
export function windowEnd({ readyAt }: BatchView, { options }: Rollout): BootMs {
  return readyAt === 0 ? 0 : readyAt + options.waitMs;
}

/** When an agent of the batch that is not ready counts as failed. */
export function readyDeadline({ agent }: Slot, { options, to }: Rollout, stalledSince: BootMs): BootMs {
  const isTrying = agent.state === 'starting' && agent.run.release === to;
  return (isTrying ? Math.min(agent.run.startedAt, stalledSince) : stalledSince) + options.healthyDeadlineMs;
}

/** When time alone makes something due in a rollout; null where nothing will. */
export function nextRolloutDue(fleet: Fleet, now: BootMs): BootMs | null {
  const { record, stalledSince, drain } = fleet.rolling;
  if (!record?.batch || fleet.stopAll || (fleet.hold && fleet.hold.by !== 'storm')) return null;
  const view = viewBatch(fleet, record, record.batch);
  const times: BootMs[] = [];
  if (drain && drain.busy.size > 0) times.push(drain.until);
  if (view.waiting.length > 0 && !isExcusedNow(fleet)) {
    for (const slot of view.waiting) times.push(readyDeadline(slot, record, stalledSince));
  } else if (record.state === 'running' && !fleet.hold) times.push(windowEnd(view, record));
  const due = Math.min(...times.filter((time) => time > now));
  return due === Number.POSITIVE_INFINITY ? null : due;
}

/** Whether deadlines rest: what keeps agents from starting is not their fault. */
export function isExcusedNow({ hold, pressure }: Fleet): boolean {
  return hold !== null || pressure !== null;
}
