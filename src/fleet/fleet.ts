import type { Spec } from '../specification/spec.ts';
import { AdaptiveLimit } from './adaptive/adaptive.ts';
import {
  type Agent,
  type AgentStateName,
  type BootMs,
  deadlineOf,
  newSlot,
  type Slot,
  type Wish,
} from './agent.ts';
import { Heap } from './heap.ts';
import type { Blocked, Hold } from './hold.ts';
import type { Pressure } from './pressure.ts';
import { type Circumstances, keepsPlaceInRound, Queues } from './queues.ts';
import type { FleetRecord, ReleaseRecord, StoredFleet } from './records.ts';
import { Rolling } from './rollout/rolling.ts';
import { Rounds } from './rounds.ts';
import { ProbePace, StormWindow } from './storm.ts';
import { unknownSpec } from './unknown-spec.ts';

/**
 * A fleet: what is wanted of it (its records) and what is there, slot by slot. Queues hold the slots that something can
 * be done about; they are derived from the slots, one slot at a time as it changes, so that planning costs what changed
 * and not how many agents there are. No I/O and no clock: every method takes its time.
 *
 * This file is what a fleet is. What is decided about it stands in decide/, what a decision makes of it in change.ts,
 * what can happen to a slot in transitions.ts, what time alone does in time.ts, and what to do next in plan.ts.
 */
export class Fleet {
  readonly name: string;
  /** What survives of it; changed by `applyChange` only. */
  record: FleetRecord;
  /** The releases that are kept, by id. */
  readonly releases: Map<string, ReleaseRecord>;
  /** The spec that new agents are held to; where it was lost, one from which nothing is started. */
  spec: Spec;
  hold: Hold | null = null;
  blocked: Blocked | null = null;
  /** Memory is short: nothing starts until it is not. */
  pressure: Pressure | null = null;
  /** Everything stops before anything starts: ports or user have changed, or the host goes down. */
  stopAll: Circumstances['stopAll'];
  readonly rounds: Rounds;
  /** Where the size of rounds follows how agents get ready; null where it is fixed. */
  adaptive: AdaptiveLimit | null;
  readonly storm = new StormWindow();
  readonly rolling = new Rolling();
  readonly probePace = new ProbePace();
  #probe: number | null = null;

  readonly slots = new Map<number, Slot>();
  /** Slots whose `prepare` has succeeded, those included that are not wanted now: it never runs there again. */
  readonly prepared = new Set<number>();
  /** Slots whose latest agent had to be ended by SIGKILL because its grace was over. */
  readonly sigkilled = new Set<number>();
  readonly counts: Record<AgentStateName, number> = {
    pending: 0,
    preparing: 0,
    clearing: 0,
    starting: 0,
    ready: 0,
    unready: 0,
    stopping: 0,
    backoff: 0,
    failed: 0,
  };
  target = 0;
  /** The highest slot number that was ever in use. */
  highest = -1;

  readonly queues = new Queues();
  /** When the states of slots end by themselves; entries of slots that have moved on are dropped as they come up. */
  readonly timers = new Heap();
  /** Called with each slot that may have changed, or is gone. */
  onSlot: (number: number) => void = () => {};

  /** @param now milliseconds since boot; the first round may open then */
  constructor({ fleet: record, slots, releases }: StoredFleet, now: BootMs) {
    this.name = record.name;
    this.record = record;
    this.releases = new Map(releases.map((release) => [release.id, release]));
    this.spec = record.spec ?? unknownSpec(record.name);
    this.rounds = new Rounds(now);
    this.adaptive = adaptiveOf(this.spec);
    this.stopAll = record.recreate ? 'recreate' : null;
    this.rolling.set(record.rollout ?? null);
    if (record.hold) this.setHold({ ...record.hold, probeAt: now + this.probeDelayMs });
    for (const { slot, wanted, ...wish } of slots) {
      if (wish.prepared) this.prepared.add(slot);
      if (wanted) this.want(slot, wish, now);
    }
  }

  // ── looking ──

  /** The newest release: what new slots get. */
  get release(): string {
    return this.record.release;
  }

  /** How many processes of agents there are. */
  get running(): number {
    const { starting, ready, unready, stopping } = this.counts;
    return starting + ready + unready + stopping;
  }

  /** The slot that the storm breaker is trying: under way or ready, but not ended or given up meanwhile. */
  get probe(): Slot | null {
    const slot = this.#probe === null ? null : (this.slots.get(this.#probe) ?? null);
    const isTried =
      slot?.wanted &&
      (slot.agent.state === 'preparing' ||
        slot.agent.state === 'starting' ||
        slot.agent.state === 'ready' ||
        this.queues.returning.has(slot.number));
    return isTried ? slot : null;
  }

  /** How long a storm's hold lasts before one start is tried. */
  get probeDelayMs(): number {
    return this.probePace.delayMs(this.spec);
  }

  /** Rounds that follow how agents get ready need no pause between them. */
  get roundDelayMs(): number {
    return this.adaptive ? 0 : this.spec.rounds.delayMs;
  }

  /** How many more agents may be starting now. */
  room(now: BootMs): number {
    const { parallel } = this.spec.rounds;
    return this.adaptive?.room(this.rounds.size, now) ?? this.rounds.room(parallel, now);
  }

  /** The slot of this number; throws where there is none, which is a defect of the caller. */
  slot(number: number): Slot {
    const slot = this.slots.get(number);
    if (!slot) throw new Error(`fleet ${this.name} has no slot ${number}`);
    return slot;
  }

  /** The numbers of the slots that are wanted. */
  wanted(): Set<number> {
    return new Set([...this.slots.values()].filter((slot) => slot.wanted).map((slot) => slot.number));
  }

  /** The highest generation in use; the next restart gets one more. */
  get generation(): number {
    let highest = 0;
    for (const slot of this.slots.values()) highest = Math.max(highest, slot.generation);
    return highest;
  }

  /**
   * The spec that agents of a release are held to: the one that it came with, so that a new release's checks are not
   * asked of agents that know nothing of them. Ports and user are the fleet's, the same for all of its agents.
   */
  specOf(release: string): Spec {
    const { ports, user } = this.spec;
    const its = this.releases.get(release)?.spec;
    return its ? { ...its, ports, user } : this.spec;
  }

  /** Where relative paths of that spec start. */
  baseDirOf(release: string): string {
    return this.releases.get(release)?.baseDir ?? this.record.baseDir;
  }

  // ── what is wanted ──

  /** A slot is wanted, as the wish says. */
  want(number: number, wish: Wish, now: BootMs): void {
    const slot = this.slots.get(number) ?? this.add(number, wish);
    if (!slot.wanted) this.target++;
    // What failed was another release's start.
    if (slot.release !== wish.release) slot.failures = 0;
    Object.assign(slot, wish, { wanted: true });
    this.place(slot, now);
  }

  /** A slot is no longer wanted: what runs in it will be stopped, and then the slot vacated. */
  unwant(number: number, now: BootMs): void {
    const slot = this.slot(number);
    if (!slot.wanted) return;
    slot.wanted = false;
    this.target--;
    this.storm.forget(number);
    this.place(slot, now);
  }

  /** Whatever failed here before is forgotten: a slot that waits or has given up may start at once. */
  renew(number: number, now: BootMs): void {
    const slot = this.slot(number);
    if (slot.agent.state !== 'backoff' && slot.agent.state !== 'failed') return;
    slot.failures = 0;
    this.become(slot, { state: 'pending', reason: 'tried again by request' }, now);
  }

  /** A spec was accepted; each slot is looked at again under it. */
  respecify(spec: Spec, now: BootMs): void {
    if (JSON.stringify(spec.rounds) !== JSON.stringify(this.spec.rounds)) this.adaptive = adaptiveOf(spec);
    this.spec = spec;
    this.blocked = null;
    for (const slot of this.slots.values()) this.place(slot, now);
  }

  /** Stops everything and starts nothing, until it is set back (null). */
  setStopAll(stopAll: Fleet['stopAll'], now: BootMs): void {
    this.stopAll = stopAll;
    for (const slot of this.slots.values()) this.place(slot, now);
  }

  /** Holds the fleet, or lets it go on (null). */
  setHold(hold: Hold | null): void {
    this.hold = hold;
    this.#probe = null;
    this.storm.clear();
    if (hold?.by === 'storm') this.probePace.inVain();
  }

  // ── what the transitions are made of ──

  /** A start under hold is the breaker's probe, unless one is under way. */
  mayProbe(number: number): void {
    if (this.hold && this.probe === null) this.#probe = number;
  }

  /** The breaker's probe has come to nothing; the next one waits longer. */
  probeFailed(number: number, now: BootMs): void {
    if (this.#probe !== number || !this.hold) return;
    this.#probe = null;
    this.hold.probeAt = now + this.probeDelayMs;
    this.probePace.inVain();
  }

  /** A slot that was not known: nothing has run in it. */
  add(number: number, wish: Wish): Slot {
    const slot = newSlot(number, wish);
    this.slots.set(number, slot);
    this.highest = Math.max(this.highest, number);
    this.counts[slot.agent.state]++;
    return slot;
  }

  /** The slot's traces on the host are cleared: it is forgotten, and free for the next `spawn`. */
  remove(number: number): void {
    this.counts[this.slot(number).agent.state]--;
    this.queues.remove(number);
    this.slots.delete(number);
    this.onSlot(number);
  }

  /** A slot's agent is in another state. */
  become(slot: Slot, agent: Agent, now: BootMs): void {
    this.counts[slot.agent.state]--;
    this.counts[agent.state]++;
    slot.agent = agent;
    const deadline = deadlineOf(agent);
    if (deadline !== null) this.timers.push(deadline, slot.number);
    this.place(slot, now);
  }

  /** After any change of a slot: its place in the round, then its place in the queues. */
  place(slot: Slot, now: BootMs): void {
    if (!keepsPlaceInRound(slot)) this.rounds.leave(slot.number, this.roundDelayMs, now);
    this.queues.place(slot, this, now);
    this.onSlot(slot.number);
  }
}

function adaptiveOf({ rounds }: Spec): AdaptiveLimit | null {
  return rounds.adaptive ? new AdaptiveLimit(rounds.parallel, { min: 1, max: rounds.parallelMax }) : null;
}
