import type { Spec } from '../specification/spec.ts';
import { AdaptiveLimit } from './adaptive/adaptive.ts';
import { type Agent, type AgentStateName, type BootMs, newSlot, type Slot, type Wish } from './agent.ts';
import { deadlineOf } from './deadlines.ts';
import { Heap } from './heap.ts';
import type { Blocked, Hold } from './hold.ts';
import type { Pressure } from './pressure.ts';
import { type Circumstances, keepsPlaceInRound, Queues } from './queues.ts';
import type { FleetRecord, ReleaseRecord, StoredFleet } from './records.ts';
import { Rolling } from './rollout/rolling.ts';
import { Rounds } from './rounds.ts';
import { isSame } from './same.ts';
import { StartCap } from './start-cap.ts';
import { ProbePace, StormWindow } from './storm.ts';
import { unknownSpec } from './unknown-spec.ts';

/**
 * A fleet: what is wanted of it (its records) and what is there, slot by slot. Queues hold the slots that need an
 * action. They are derived from the slots, one slot at a time as it changes, so that the cost of planning follows what
 * changed and not the number of agents. No I/O and no clock: every method takes its time.
 *
 * This file says what a fleet is. decide/ decides about it, change.ts applies a decision, transitions.ts has what can
 * happen to a slot, time.ts what time alone changes, and plan.ts what to do next.
 */
export class Fleet {
  readonly name: string;
  /** What survives of it; only `applyChange` changes it. */
  record: FleetRecord;
  /** The kept releases, by id. */
  readonly releases: Map<string, ReleaseRecord>;
  /** The spec of new agents; if it was lost, one from which nothing is started. */
  spec: Spec;
  hold: Hold | null = null;
  blocked: Blocked | null = null;
  /** Memory is short, so nothing starts. */
  pressure: Pressure | null = null;
  /** Everything stops before anything starts: ports or user have changed, or the host goes down. */
  stopAll: Circumstances['stopAll'];
  readonly rounds: Rounds;
  /** The adaptive limit of starting agents; null if it is fixed. */
  adaptive: AdaptiveLimit | null;
  readonly storm = new StormWindow();
  /** The starts of the last minute, as far as `rounds.perMinute` bounds them. */
  readonly starts = new StartCap();
  readonly rolling = new Rolling();
  readonly probePace = new ProbePace();
  #probe: number | null = null;

  readonly slots = new Map<number, Slot>();
  /** Slots whose `prepare` has succeeded, unwanted ones included: it never runs there again. */
  readonly prepared = new Set<number>();
  /** How slots that are not wanted leave, as stored: without grace, or with their directories. */
  readonly leaving = new Map<number, Wish>();
  /** Slots whose latest agent was ended by SIGKILL because its grace was over. */
  readonly sigkilled = new Set<number>();
  readonly counts: Record<AgentStateName, number> = {
    pending: 0,
    preparing: 0,
    clearing: 0,
    starting: 0,
    ready: 0,
    unready: 0,
    orphaned: 0,
    stopping: 0,
    backoff: 0,
    failed: 0,
    completed: 0,
  };
  target = 0;
  /** The highest slot number ever used. */
  highest = -1;

  readonly queues = new Queues();
  /** When states of slots end by time; entries of slots that have changed since are dropped when they come up. */
  readonly timers = new Heap();
  /** Called with each slot that may have changed, or was removed. */
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
      if (!wanted) {
        this.leaving.set(slot, wish);
        continue;
      }
      this.want(slot, wish, now);
      if (wish.completed)
        this.become(this.slot(slot), { state: 'completed', reason: 'completed earlier' }, now);
    }
  }

  // ── queries ──

  /** The newest release, which new slots get. */
  get release(): string {
    return this.record.release;
  }

  /** The number of agents with a process. */
  get running(): number {
    const { starting, ready, unready, orphaned, stopping } = this.counts;
    return starting + ready + unready + orphaned + stopping;
  }

  /** The number of agents that are where their spec wants them: ready, or completed. */
  get fulfilled(): number {
    return this.counts.ready + this.counts.completed;
  }

  /** The slot of the storm breaker's probe: under way or ready, but not ended or failed since. */
  get probe(): Slot | null {
    const slot = this.#probe === null ? null : (this.slots.get(this.#probe) ?? null);
    const isTried =
      slot?.wanted &&
      (slot.agent.state === 'preparing' ||
        slot.agent.state === 'starting' ||
        slot.agent.state === 'ready' ||
        this.queues.inRound.has(slot.number));
    return isTried ? slot : null;
  }

  /** How long a storm's hold lasts before the next probe. */
  get probeDelayMs(): number {
    return this.probePace.delayMs(this.spec);
  }

  /** The delay between rounds; 0 for adaptive ones, which need none. */
  get roundDelayMs(): number {
    return this.adaptive ? 0 : this.spec.rounds.delayMs;
  }

  /** The number of agents that may start now. */
  room(now: BootMs): number {
    const { parallel, perMinute } = this.spec.rounds;
    const room = this.adaptive?.room(this.rounds.size, now) ?? this.rounds.room(parallel, now);
    return Math.min(room, this.starts.room(perMinute, now));
  }

  /** The slot of this number; throws if there is none, which is a defect of the caller. */
  slot(number: number): Slot {
    const slot = this.slots.get(number);
    if (!slot) throw new Error(`fleet ${this.name} has no slot ${number}`);
    return slot;
  }

  /** The numbers of the wanted slots. */
  wantedSlots(): Set<number> {
    return new Set([...this.slots.values()].filter((slot) => slot.wanted).map((slot) => slot.number));
  }

  /** The highest generation in use; the next restart gets one more. */
  get generation(): number {
    let highest = 0;
    for (const slot of this.slots.values()) highest = Math.max(highest, slot.generation);
    return highest;
  }

  /**
   * The spec for agents of a release: the one that the release was made from, so that old agents need not pass new
   * checks. Ports, addresses and user are the fleet's, the same for all its agents.
   */
  specOf(release: string): Spec {
    const { ports, addresses, user } = this.spec;
    const its = this.releases.get(release)?.spec;
    return its ? { ...its, ports, addresses, user } : this.spec;
  }

  /** The directory of relative paths in that spec. */
  baseDirOf(release: string): string {
    return this.releases.get(release)?.baseDir ?? this.record.baseDir;
  }

  // ── what is wanted ──

  /** Makes a slot wanted. */
  want(number: number, wish: Wish, now: BootMs): void {
    const slot = this.slots.get(number) ?? this.add(number, wish);
    if (!slot.wanted) this.target++;
    const isOther = slot.release !== wish.release || slot.generation !== wish.generation;
    // Those were failures of another release.
    if (slot.release !== wish.release) Object.assign(slot, { failures: 0, attempts: [] });
    Object.assign(slot, wish, { wanted: true });
    const { agent } = slot;
    if (agent.state === 'preparing' && isOther) this.become(slot, { ...agent, isStale: true }, now);
    else if (agent.state === 'completed' && isOther)
      this.become(slot, { state: 'pending', reason: 'requested after it had completed' }, now);
    else this.requeue(slot, now);
  }

  /** Makes a slot unwanted: what runs in it is stopped, and then the slot is vacated. */
  unwant(number: number, now: BootMs, { urgent = false, purge = false }: Partial<Wish> = {}): void {
    const slot = this.slot(number);
    if (slot.wanted) this.target--;
    else if (!urgent && !purge) return;
    slot.wanted = false;
    slot.urgent ||= urgent;
    slot.purge ||= purge;
    this.storm.forget(number);
    this.#setTimer(slot);
    this.requeue(slot, now);
  }

  /** Forgets the failures of a slot, so that it may start at once. */
  renew(number: number, now: BootMs): void {
    const slot = this.slot(number);
    const { agent } = slot;
    const reason = 'retried on request';
    if (agent.state === 'clearing') {
      this.become(slot, { ...agent, next: { state: 'pending', reason } }, now);
    } else if (agent.state !== 'backoff' && agent.state !== 'failed') return;
    else this.become(slot, { state: 'pending', reason }, now);
    Object.assign(slot, { failures: 0, attempts: [] });
  }

  /** It is durable that the agent of a slot has completed. */
  complete(number: number, now: BootMs): void {
    const slot = this.slot(number);
    slot.completed = true;
    this.requeue(slot, now);
  }

  /** Accepts a spec; each slot is judged again by it. */
  respecify(spec: Spec, now: BootMs): void {
    const before = this.spec;
    if (!isSame(spec.rounds, before.rounds)) this.adaptive = adaptiveOf(spec);
    this.spec = spec;
    this.blocked = null;
    const isWorkOther = !isSame([spec.prepare, spec.start], [before.prepare, before.start]);
    for (const slot of this.slots.values()) {
      const { agent } = slot;
      if (agent.state === 'preparing' && isWorkOther) slot.agent = { ...agent, isStale: true };
      this.#setTimer(slot);
      this.requeue(slot, now);
    }
  }

  /** Stops everything and starts nothing until it is reset (null). */
  setStopAll(stopAll: Fleet['stopAll'], now: BootMs): void {
    this.stopAll = stopAll;
    for (const slot of this.slots.values()) this.requeue(slot, now);
  }

  /** Holds the fleet, or ends the hold (null). */
  setHold(hold: Hold | null): void {
    this.hold = hold;
    this.#probe = null;
    this.storm.clear();
    if (hold?.by === 'storm') this.probePace.failed();
  }

  // ── parts of the transitions ──

  /** Makes a start under the storm breaker's hold its probe, unless one is under way. */
  startedUnderHold(number: number): void {
    if (this.hold && this.probe === null) this.#probe = number;
  }

  /** The probe failed; the next one waits longer. */
  probeFailed(number: number, now: BootMs): void {
    if (this.#probe !== number || !this.hold) return;
    this.#probe = null;
    this.hold.probeAt = now + this.probeDelayMs;
    this.probePace.failed();
  }

  /** Adds a slot in which nothing has run. */
  add(number: number, wish: Wish): Slot {
    const slot = newSlot(number, wish);
    this.slots.set(number, slot);
    this.highest = Math.max(this.highest, number);
    this.counts[slot.agent.state]++;
    return slot;
  }

  /** Removes a slot that has been vacated; the next `spawn` may use it. */
  remove(number: number): void {
    this.counts[this.slot(number).agent.state]--;
    this.queues.remove(number);
    this.slots.delete(number);
    this.onSlot(number);
  }

  /** Changes the state of a slot's agent. */
  become(slot: Slot, agent: Agent, now: BootMs): void {
    this.counts[slot.agent.state]--;
    this.counts[agent.state]++;
    const before = deadlineOf(slot, this.spec);
    slot.agent = agent;
    // An agent that is now well, now unwell keeps its deadline, and needs no further timer.
    if (deadlineOf(slot, this.spec) !== before) this.#setTimer(slot);
    this.requeue(slot, now);
  }

  /** Wakes the fleet when time changes the state of a slot. */
  #setTimer(slot: Slot): void {
    const deadline = deadlineOf(slot, this.spec);
    if (deadline !== null) this.timers.push(deadline, slot.number);
  }

  /** Updates the slot's place in the round, then in the queues, after any change. */
  requeue(slot: Slot, now: BootMs): void {
    if (!keepsPlaceInRound(slot)) this.rounds.leave(slot.number, this.roundDelayMs, now);
    this.queues.place(slot, this, now);
    this.onSlot(slot.number);
  }
}

function adaptiveOf({ rounds }: Spec): AdaptiveLimit | null {
  return rounds.adaptive ? new AdaptiveLimit(rounds.parallel, { min: 1, max: rounds.parallelMax }) : null;
}
