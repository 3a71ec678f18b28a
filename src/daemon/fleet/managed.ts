import { FleetError } from '../../errors.ts';
import { type BootMs, runOf, type Slot } from '../../fleet/agent.ts';
import { Fleet } from '../../fleet/fleet.ts';
import type { FleetRecord, ReleaseRecord, RunRecord, SlotRecord, StoredFleet } from '../../fleet/records.ts';
import type { RolloutChange } from '../../fleet/rollout/changes.ts';
import type { Spec } from '../../specification/spec.ts';
import { unknownSpec } from './unknown.ts';

/** A fleet with both its sides: the record that survives, and the planner's view. */
export class Managed {
  record: FleetRecord;
  readonly fleet: Fleet;
  readonly releases: Map<string, ReleaseRecord>;
  /** Slots that once existed here and are not wanted now: their `prepare` has run for ever. */
  readonly #preparedBefore: Set<number>;
  /** Start ticks of the running agents, for the run store. */
  readonly startTicks = new Map<number, number>();

  constructor({ fleet, slots, releases }: StoredFleet, now: BootMs) {
    this.record = fleet;
    this.releases = new Map(releases.map((release) => [release.id, release]));
    this.#preparedBefore = new Set(slots.filter((slot) => slot.prepared).map((slot) => slot.slot));
    this.fleet = new Fleet(fleet.name, fleet.spec ?? unknownSpec(fleet.name), fleet.release, now);
    this.fleet.stopAll = fleet.recreate ? 'recreate' : null;
    this.fleet.rolling.set(fleet.rollout ?? null);
    if (fleet.hold) this.fleet.setHold({ ...fleet.hold, probeAt: now + this.fleet.probeDelayMs });
    for (const slot of slots) if (slot.wanted) this.fleet.want(slot.slot, slot, now);
  }

  get name(): string {
    return this.record.name;
  }

  key(slot: number): string {
    return `${this.name}/${slot}`;
  }

  /** A release by its id; one that was lost with the wanted state gives way to the newest. */
  releaseOf(id: string): ReleaseRecord {
    const release = this.releases.get(id) ?? this.releases.get(this.record.release);
    if (!release) throw new FleetError('INTERNAL', `release ${id} of fleet ${this.name} is not in the store`);
    return release;
  }

  /**
   * The spec that agents of a release are to be held to: the one that it came with, so that a new release's checks are
   * not asked of agents that know nothing of them. Ports and user are the fleet's, and the same for all of its agents.
   */
  specOf(release: string): Spec {
    const { spec } = this.fleet;
    const its = this.releases.get(release)?.spec;
    return its ? { ...its, ports: spec.ports, user: spec.user } : spec;
  }

  /** Where relative paths of that spec start. */
  baseDirOf(release: string): string {
    return this.releases.get(release)?.baseDir ?? this.record.baseDir;
  }

  /** The highest generation in use; the next restart gets one more. */
  get generation(): number {
    let highest = 0;
    for (const slot of this.fleet.slots.values()) highest = Math.max(highest, slot.generation);
    return highest;
  }

  /** What a slot that becomes wanted is written as; one whose agent still runs, and is not being stopped, stays as it is. */
  newSlot(slot: number, release: string): SlotRecord {
    const agent = this.fleet.slots.get(slot)?.agent;
    if (agent && runOf(agent) && agent.state !== 'stopping') return this.slotRecord(slot, { wanted: true });
    return { slot, wanted: true, release, generation: 0, prepared: this.#preparedBefore.has(slot) };
  }

  /** A slot as the store keeps it, with some of it changed. */
  slotRecord(number: number, change: Partial<SlotRecord> = {}): SlotRecord {
    const { wanted, release, generation, prepared } = this.fleet.slot(number);
    return { slot: number, wanted, release, generation, prepared, ...change };
  }

  /**
   * What a decision about the rollout makes of the fleet and of its slots.
   * @param sample what the agent that the decision is about last said
   */
  decided(
    change: RolloutChange,
    sample: string | null,
    now: Date,
  ): { fleet: FleetRecord; slots: SlotRecord[] } {
    const { rollout, newest, release, hold } = change;
    const held = { by: 'rollout', since: now.toISOString(), sample } as const;
    const fleet: FleetRecord = {
      ...this.record,
      rollout: sample === null ? rollout : { ...rollout, sample },
      ...(newest !== null && {
        release: newest,
        spec: this.record.spec && this.specOf(newest),
        baseDir: this.baseDirOf(newest),
      }),
      ...(hold === 'lift' && { hold: null }),
      ...(typeof hold === 'object' && { hold: { ...held, reason: hold.reason } }),
    };
    return { fleet, slots: change.slots.map((slot) => this.slotRecord(slot, this.#moved(slot, release))) };
  }

  /** Of another release; a slot that was given up also becomes due anew, which its generation tells. */
  #moved(slot: number, release: string): Partial<SlotRecord> {
    const { agent, generation } = this.fleet.slot(slot);
    return agent.state === 'failed' ? { release, generation: generation + 1 } : { release };
  }

  /** Brings the planner's view to what was just written. */
  apply(slots: readonly SlotRecord[], now: BootMs): void {
    for (const slot of slots) {
      if (slot.prepared) this.#preparedBefore.add(slot.slot);
      if (slot.wanted) this.fleet.want(slot.slot, slot, now);
      else this.fleet.unwant(slot.slot, now);
    }
  }

  /** What the run store keeps of a slot; null where there is nothing to keep. */
  runRecord(number: number): RunRecord | null {
    const slot = this.fleet.slots.get(number);
    return slot ? toRunRecord(slot, this.startTicks.get(number)) : null;
  }
}

function toRunRecord(
  { number, agent, generation, restarts, failures, lastExit }: Slot,
  startTicks = 0,
): RunRecord {
  const run = runOf(agent);
  return {
    slot: number,
    process: run && { ...run, startTicks },
    givenUp: agent.state === 'failed' ? { reason: agent.reason, generation } : null,
    readyAt: 'readyAt' in agent ? agent.readyAt : null,
    restarts,
    failures,
    lastExit,
  };
}
