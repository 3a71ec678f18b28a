import type { Fleet } from '../fleet.ts';
import type { Rollout, RolloutOptions } from './record.ts';
import { isOver } from './rolling.ts';

/** A decision about a rollout as one durable change. */
export interface RolloutChange {
  rollout: Rollout;
  /** Slots that move to another release. */
  slots: readonly number[];
  release: string;
  /** The release that becomes the fleet's newest, with the spec that it was made from; null: no change. */
  newest: string | null;
  /** Ends the hold, or holds the fleet for this reason. */
  hold: 'keep' | 'lift' | { reason: string };
  /** The slot whose output becomes the record's sample. */
  sampleSlot: number | null;
}

/** A change of the record, with the slots that move and the hold, if any. */
export function changeOf(
  rollout: Rollout,
  {
    slots = [],
    release = rollout.to,
    hold,
    sampleSlot = null,
  }: { slots?: readonly number[]; release?: string; hold?: string; sampleSlot?: number | null } = {},
): RolloutChange {
  return {
    rollout,
    slots,
    release,
    newest: null,
    hold: hold === undefined ? 'keep' : { reason: hold },
    sampleSlot,
  };
}

/**
 * Moves everything that is on the new release back to the previous one, which becomes the newest again. The storm
 * breaker's hold ends, because its cause is being undone.
 */
export function rollBack(
  fleet: Fleet,
  rollout: Rollout,
  reason: string,
  sampleSlot: number | null = null,
): RolloutChange {
  return {
    rollout: { ...rollout, state: 'rolling-back', batch: null, reason },
    slots: slotsToMoveBack(fleet, rollout),
    release: rollout.from,
    newest: rollout.from,
    hold: fleet.hold?.by === 'user' ? 'keep' : 'lift',
    sampleSlot,
  };
}

/** A rollout that has been accepted; the planner starts its first batch. */
export function beginRollout(
  fleet: Fleet,
  { from, to, options, startedAt }: Pick<Rollout, 'from' | 'to' | 'options' | 'startedAt'>,
): Rollout {
  const { record } = fleet.rolling;
  const replaced = record && !isOver(record) ? [...record.unproven, record.to] : [];
  return {
    id: (record?.id ?? 0) + 1,
    state: 'running',
    from,
    to,
    unproven: replaced.filter((release) => release !== from && release !== to),
    options,
    startedAt,
    batch: null,
    broken: [],
    failures: [],
    verdicts: [],
    baseline: null,
    reason: null,
    sample: null,
    updated: null,
  };
}

/**
 * Slots of the batch under way whose agents still run their old release, with that release. If another rollout replaces
 * this one, they stay unchanged until their batch in that one; otherwise they would be replaced twice.
 */
export function untouched(fleet: Fleet): { slot: number; release: string }[] {
  const { record } = fleet.rolling;
  if (!record || isOver(record) || record.state === 'rolling-back') return [];
  return [...fleet.slots.values()].flatMap(({ number, wanted, release, agent }) => {
    const isIdle = agent.state === 'ready' || agent.state === 'starting' || agent.state === 'unready';
    return wanted && release === record.to && isIdle && agent.run.release !== release
      ? [{ slot: number, release: agent.run.release }]
      : [];
  });
}

/** Moves everything to one release, whatever it runs: a rollback that a user requests. */
export function rollBackTo(
  fleet: Fleet,
  release: string,
  options: RolloutOptions,
  startedAt: string,
): RolloutChange {
  const to = fleet.release;
  const others = new Set([...fleet.slots.values()].map((slot) => slot.release)).difference(
    new Set([release, to]),
  );
  const rollout = {
    ...beginRollout(fleet, { from: release, to, options, startedAt }),
    unproven: [...others],
  };
  return rollBack(fleet, rollout, `rollback to release ${release} requested`);
}

/**
 * Continues a paused rollout. The failures in its verdict are accepted: counting starts again at 0, and agents of the
 * batch that were not replaced yet go into another batch.
 */
export function resumeRollout(fleet: Fleet, rollout: Rollout): RolloutChange {
  const hold = fleet.hold?.by === 'rollout' ? 'lift' : 'keep';
  if (rollout.reason === null) return { ...changeOf({ ...rollout, state: 'running' }), hold };
  const slots = untouched(fleet).filter(({ release }) => release === rollout.from);
  const next: Rollout = {
    ...rollout,
    state: 'running',
    reason: null,
    sample: null,
    failures: [],
    batch: null,
  };
  return { ...changeOf(next, { slots: slots.map(({ slot }) => slot), release: rollout.from }), hold };
}

/**
 * The release that a rollout to `to` could roll back to: during a rollout the one that it came from, which alone is
 * proven; otherwise the one that most agents are ready on, or should run.
 */
export function provenRelease(fleet: Fleet, to: string): string {
  const { record } = fleet.rolling;
  if (record && !isOver(record) && record.from !== to) return record.from;
  const weights = new Map([[fleet.release, 0.5]]);
  for (const { wanted, release, agent } of fleet.slots.values()) {
    if (!wanted) continue;
    const its = agent.state === 'ready' ? agent.run.release : release;
    weights.set(its, (weights.get(its) ?? 0) + (agent.state === 'ready' ? fleet.target : 1));
  }
  weights.delete(to);
  return [...weights].reduce((best, each) => (each[1] > best[1] ? each : best), [to, 0] as [
    string,
    number,
  ])[0];
}

/** Whether a rollout that rolls back moves agents off this release. */
export function mustMoveBack({ from, to, unproven }: Rollout, release: string): boolean {
  return release !== from && (release === to || unproven.includes(release));
}

/** The slots that must still move back. */
export function slotsToMoveBack(fleet: Fleet, rollout: Rollout): number[] {
  return [...fleet.slots.values()]
    .filter(({ wanted, release }) => wanted && mustMoveBack(rollout, release))
    .map(({ number }) => number);
}
