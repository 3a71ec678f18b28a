import type { Fleet } from '../fleet.ts';
import type { Rollout, RolloutOptions } from './record.ts';
import { isOver } from './rolling.ts';

/** A decision about a rollout as one durable change. */
export interface RolloutChange {
  rollout: Rollout;
  /** Slots that move to another release. */
  slots: readonly number[];
  release: string;
  /** The release that becomes the fleet's newest, with the spec that it came with; null: it stays. */
  newest: string | null;
  /** Lifts the hold, or holds the fleet for this reason. */
  hold: 'keep' | 'lift' | { reason: string };
  /** Of this slot's output the record gets a sample. */
  sampleSlot: number | null;
}

/** A change of the record; with slots that move, where some do, and a hold, where there is to be one. */
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
 * Puts everything that is on the new release back on the one before, which becomes the newest again. The storm
 * breaker's hold is lifted: what it saw is what is being undone.
 */
export function goBack(
  fleet: Fleet,
  rollout: Rollout,
  reason: string,
  sampleSlot: number | null = null,
): RolloutChange {
  return {
    rollout: { ...rollout, state: 'rolling-back', batch: null, reason },
    slots: slotsLeft(fleet, rollout),
    release: rollout.from,
    newest: rollout.from,
    hold: fleet.hold?.by === 'user' ? 'keep' : 'lift',
    sampleSlot,
  };
}

/** A rollout that has only been accepted: its first batch is the planner's to begin. */
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
 * Slots of the batch under way whose agents nobody has touched yet, with the release that these run: where another
 * rollout takes the place of this one, they stay as they are until their turn in that, or they would be replaced twice.
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

/** Puts everything on one release, whatever it is on: a rollback that a user asks for. */
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
  return goBack(fleet, rollout, `rollback to release ${release} asked for`);
}

/**
 * Goes on where it was paused. What its verdict had found is accepted: failures are counted anew from here, and what
 * of the batch nobody has touched yet has its turn in another.
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
 * The release that a rollout to `to` could go back to: during a rollout the one that it came from, which alone is
 * proven; else what most agents are ready on, or are to run.
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

/** Whether a rollout that goes back leaves this release. */
export function isLeft({ from, to, unproven }: Rollout, release: string): boolean {
  return release !== from && (release === to || unproven.includes(release));
}

/** The slots that are still to be put back. */
export function slotsLeft(fleet: Fleet, rollout: Rollout): number[] {
  return [...fleet.slots.values()]
    .filter(({ wanted, release }) => wanted && isLeft(rollout, release))
    .map(({ number }) => number);
}
