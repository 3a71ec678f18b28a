import type { BootMs, Slot } from '../agent.ts';
import type { Fleet } from '../fleet.ts';
import type { Batch, Rollout } from './record.ts';

/** The progress of a batch. */
export interface BatchView {
  /** The slots that are still wanted. */
  members: Slot[];
  /** Ready on the new release, or completed, and never failed on it. */
  ready: Slot[];
  /** Neither ready nor failed. */
  waiting: Slot[];
  /** The number of agents that are stopping. */
  stopping: number;
  /** When the last of them became ready. */
  readyAt: BootMs;
}

/** Computes the progress of a batch. */
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
    if (!isFulfilledOn(slot, rollout.to) || slot.release !== rollout.to) view.waiting.push(slot);
    else {
      view.ready.push(slot);
      if (agent.state === 'ready') view.readyAt = Math.max(view.readyAt, agent.readyAt);
    }
  }
  return view;
}

/** When the observation of a batch ends, if all of it is ready or has failed. */
export function windowEnd({ readyAt }: BatchView, { options }: Rollout): BootMs {
  return readyAt === 0 ? 0 : readyAt + options.waitMs;
}

/** When an agent of the batch that is not ready counts as failed. */
export function readyDeadline({ agent }: Slot, { options, to }: Rollout, stalledSince: BootMs): BootMs {
  const isTrying = agent.state === 'starting' && agent.run.release === to;
  return (isTrying ? Math.min(agent.run.startedAt, stalledSince) : stalledSince) + options.healthyDeadlineMs;
}

/** When time alone makes a step of the rollout due; null if nothing will. */
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

/** Whether deadlines are suspended, because what delays agents is not their fault. */
export function isExcusedNow({ hold, pressure }: Fleet): boolean {
  return hold !== null || pressure !== null;
}

/** Whether a slot's agent is ready on a release, or has completed on it. */
function isFulfilledOn({ agent, release }: Slot, id: string): boolean {
  if (agent.state === 'completed') return release === id;
  return agent.state === 'ready' && agent.run.release === id;
}

/** How many agents are ready on a release, or have completed on it. */
export function countReadyOn(fleet: Fleet, release: string): number {
  let count = 0;
  for (const slot of fleet.slots.values()) if (slot.wanted && isFulfilledOn(slot, release)) count++;
  return count;
}

/** Measures the time without progress; delays by a hold, by pressure or by draining do not count. */
export function observeRollout(fleet: Fleet, now: BootMs): void {
  const { rolling } = fleet;
  const { batch } = rolling.record ?? {};
  if (!rolling.record || !batch) return;
  const { ready, stopping } = viewBatch(fleet, rolling.record, batch);
  const isExcused =
    fleet.hold !== null ||
    fleet.pressure !== null ||
    stopping > 0 ||
    fleet.rounds.opensAt(now) !== null ||
    (rolling.drain !== null && now < rolling.drain.until && rolling.drain.busy.size > 0);
  const progress = `${rolling.record.id} ${batch.number} ${ready.length} ${rolling.unrecorded.size} ${rolling.record.failures.length} ${isExcused}`;
  if (isExcused || progress !== rolling.progress) rolling.stalledSince = now;
  rolling.progress = progress;
}
