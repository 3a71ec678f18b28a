import type { Spec } from '../specification/spec.ts';
import { AdaptiveLimit } from './adaptive/adaptive.ts';
import {
  type Agent,
  type AgentStateName,
  type BootMs,
  deadlineOf,
  newSlot,
  type Run,
  runOf,
  type Slot,
  type Wish,
} from './agent.ts';
import { Heap } from './heap.ts';
import { type Blocked, blockedAgain, type Hold } from './hold.ts';
import type { Pressure } from './pressure.ts';
import { type Circumstances, type Due, joinsRound, keepsPlaceInRound, Queues } from './queues.ts';
import {
  type AgentExit,
  decideRestart,
  describeExit,
  type ExitStatus,
  isFailedStart,
  SETTLE_MS,
} from './restart.ts';
import { isOnTrial, nextRolloutDue, Rolling } from './rollout/rollout.ts';
import { Rounds } from './rounds.ts';
import { ProbePace, StormWindow } from './storm.ts';

/**
 * A fleet as the planner sees it: what is wanted and what is there, slot by slot, and beside it the queues of slots
 * that something can be done about. The queues are derived from the slots, one slot at a time as it changes, so that
 * planning costs what changed and not how many agents there are. No I/O, no clock: every method takes its time.
 */
export class Fleet {
  readonly name: string;
  spec: Spec;
  /** The newest release: what new slots get. */
  release: string;
  hold: Hold | null = null;
  blocked: Blocked | null = null;
  /** Memory is short: nothing starts until it is not. */
  pressure: Pressure | null = null;
  /** Everything is to be stopped before anything starts: for changed ports or users, or because the host goes down. */
  stopAll: Circumstances['stopAll'] = null;
  rounds: Rounds;
  /** Where the size of rounds follows how agents get ready; null where it is fixed. */
  adaptive: AdaptiveLimit | null;
  readonly storm = new StormWindow();
  readonly rolling = new Rolling();
  #probe: number | null = null;
  readonly #probePace = new ProbePace();

  readonly slots = new Map<number, Slot>();
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

  readonly queues = new Queues();
  readonly #timers = new Heap();
  /** Called with each slot that may have changed, or is gone. */
  onSlot: (number: number) => void = () => {};

  constructor(name: string, spec: Spec, release: string, now: BootMs) {
    this.name = name;
    this.spec = spec;
    this.release = release;
    this.rounds = new Rounds(now);
    this.adaptive = adaptiveOf(spec);
  }

  /** The highest slot number that was ever in use. */
  highest = -1;

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
    return this.#probePace.delayMs(this.spec);
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

  // ── what is wanted ──

  /** A slot is wanted, of this release and generation. */
  want(number: number, wish: Wish, now: BootMs): void {
    const slot = this.slots.get(number) ?? this.#add(number, wish);
    if (!slot.wanted) this.target++;
    const { release, generation, prepared } = wish;
    // What failed was another release's start.
    if (slot.release !== release) slot.failures = 0;
    Object.assign(slot, { wanted: true, release, generation, prepared });
    this.#place(slot, now);
  }

  /** A slot is no longer wanted: what runs in it will be stopped, and then the slot vacated. */
  unwant(number: number, now: BootMs): void {
    const slot = this.slot(number);
    if (!slot.wanted) return;
    slot.wanted = false;
    this.target--;
    this.storm.forget(number);
    this.#place(slot, now);
  }

  /** The slot's `prepare` has succeeded: never again. */
  prepared(number: number, now: BootMs): void {
    const slot = this.slot(number);
    slot.prepared = true;
    this.readied(number, 'prepared', now);
  }

  /** What had to be done before a start of the slot is done: it waits for its start again. */
  readied(number: number, reason: string, now: BootMs): void {
    this.#become(this.slot(number), { state: 'pending', reason }, now);
  }

  /** Whatever failed here before is forgotten: a slot that waits or has given up may start at once. */
  renew(number: number, now: BootMs): void {
    const slot = this.slot(number);
    if (slot.agent.state !== 'backoff' && slot.agent.state !== 'failed') return;
    slot.failures = 0;
    this.#become(slot, { state: 'pending', reason: 'tried again by request' }, now);
  }

  /** A spec was accepted; each slot is looked at again under it. */
  respecify(spec: Spec, release: string, now: BootMs): void {
    if (JSON.stringify(spec.rounds) !== JSON.stringify(this.spec.rounds)) this.adaptive = adaptiveOf(spec);
    this.spec = spec;
    this.release = release;
    this.blocked = null;
    for (const slot of this.slots.values()) this.#place(slot, now);
  }

  /** Stops everything and starts nothing, until it is set back (null). */
  setStopAll(drain: Fleet['stopAll'], now: BootMs): void {
    this.stopAll = drain;
    for (const slot of this.slots.values()) this.#place(slot, now);
  }

  /** Holds the fleet, or lets it go on (null). */
  setHold(hold: Hold | null): void {
    this.hold = hold;
    this.#probe = null;
    this.storm.clear();
    if (hold?.by === 'storm') this.#probePace.inVain();
  }

  // ── what happened ──

  /** A process found again after the supervisor was away; one that is not known to be ready gets its whole timeout. */
  reattached(number: number, run: Run, readyAt: BootMs | null, now: BootMs): void {
    const agent: Agent =
      readyAt === null
        ? {
            state: 'starting',
            run: { ...run, isFoundStarting: true },
            deadline: now + this.spec.ready.timeoutMs,
            waitingFor: '',
          }
        : { state: 'ready', run, readyAt };
    if (readyAt === null) {
      this.rounds.join(number);
      this.#mayProbe(number);
    }
    this.#become(this.slot(number), agent, now);
  }

  /** Remnants of an agent were found where there is no agent; the slot need not be wanted. */
  clearing(number: number, now: BootMs): void {
    const slot =
      this.slots.get(number) ?? this.#add(number, { release: this.release, generation: 0, prepared: true });
    this.#become(slot, { state: 'clearing' }, now);
  }

  /** Nothing of the remnants is left. */
  cleared(number: number, now: BootMs): void {
    this.#become(
      this.slot(number),
      { state: 'pending', reason: 'remnants of an earlier agent are gone' },
      now,
    );
  }

  /** Something is under way that must be done before the slot's start (`prepare`, other owners of its files). */
  preparing(number: number, now: BootMs): void {
    this.rounds.join(number);
    this.#mayProbe(number);
    this.#become(this.slot(number), { state: 'preparing', since: now }, now);
  }

  started(number: number, run: Run, now: BootMs): void {
    this.rounds.join(number);
    this.#mayProbe(number);
    this.blocked = null;
    this.sigkilled.delete(number);
    this.#become(
      this.slot(number),
      { state: 'starting', run, deadline: now + this.spec.ready.timeoutMs, waitingFor: '' },
      now,
    );
  }

  /** A start failed on a limit of the host: all starts wait, longer each time, then one tries. */
  startBlocked(number: number, message: string, now: BootMs): void {
    this.blocked = blockedAgain(this.blocked, message, now);
    this.adaptive?.shortage(message, now);
    this.rounds.leave(number, this.#roundDelayMs, now);
    this.#become(this.slot(number), { state: 'pending', reason: 'tried again after a limit was hit' }, now);
  }

  /** A start failed before there was a process (exec, prepare). */
  startFailed(number: number, reason: string, at: string, now: BootMs): void {
    this.rounds.join(number);
    this.#mayProbe(number);
    const slot = this.slot(number);
    slot.lastExit = { code: null, signal: null, reason, at };
    this.#endedByItself(
      slot,
      { code: null, signal: null },
      { release: slot.release, readyAt: null, reason },
      now,
    );
  }

  /** The readiness check has passed. @param lookMs how long before nobody had looked */
  ready(number: number, now: BootMs, lookMs = 0): void {
    const slot = this.slot(number);
    if (slot.agent.state !== 'starting') return;
    const { run } = slot.agent;
    const othersWait = this.queues.pending.size + this.queues.replaceable.size > 0;
    if (!run.isFoundStarting) this.adaptive?.ready(now - run.startedAt, lookMs, othersWait, now);
    this.#become(slot, { state: 'ready', run, readyAt: now }, now);
  }

  /** The readiness check has not passed, for this reason; if it never does, the reason is told. */
  notReadyBecause(number: number, finding: string): void {
    const { agent } = this.slot(number);
    if (agent.state === 'starting') agent.waitingFor = finding;
  }

  /** A health check has passed. */
  healthy(number: number, now: BootMs): void {
    const slot = this.slot(number);
    if (slot.agent.state !== 'unready') return;
    const { run, readyAt } = slot.agent;
    this.#become(slot, { state: 'ready', run, readyAt }, now);
  }

  /** A health check has failed; so many in a row as the spec says make a restart due. */
  unhealthy(number: number, reason: string, now: BootMs): void {
    const slot = this.slot(number);
    const { agent } = slot;
    if (agent.state !== 'ready' && agent.state !== 'unready') return;
    const misses = agent.state === 'unready' ? agent.misses + 1 : 1;
    this.#become(slot, { state: 'unready', run: agent.run, readyAt: agent.readyAt, misses, reason }, now);
  }

  /** A running agent is to be replaced, in rounds, for this reason. */
  recycle(number: number, reason: string, now: BootMs): void {
    const slot = this.slot(number);
    const run = runOf(slot.agent);
    if (!run) return;
    run.recycle = reason;
    this.#place(slot, now);
  }

  /** The stop signal was sent. */
  stopping(number: number, due: Due, now: BootMs): void {
    const slot = this.slot(number);
    const run = runOf(slot.agent);
    if (!run) return;
    if (joinsRound(due.cause)) this.rounds.join(number);
    const readyAt = 'readyAt' in slot.agent ? slot.agent.readyAt : null;
    const deadline = now + this.spec.stop.graceMs;
    this.#become(slot, { state: 'stopping', run, readyAt, ...due, deadline, killed: false }, now);
  }

  /** SIGKILL was sent to what had not stopped within its grace. */
  killed(number: number, now: BootMs): void {
    const slot = this.slot(number);
    if (slot.agent.state !== 'stopping') return;
    this.sigkilled.add(number);
    this.#become(slot, { ...slot.agent, killed: true }, now);
  }

  /** The agent and all it forked are gone. */
  exited(number: number, exit: AgentExit, at: string, now: BootMs): void {
    const slot = this.slot(number);
    const { agent } = slot;
    const how = describeExit(exit, this.spec.resources?.memory?.limitBytes);
    const release = runOf(agent)?.release ?? slot.release;
    const reason = agent.state === 'stopping' ? `${how}; stopped: ${agent.reason}` : how;
    slot.lastExit = { code: exit.code, signal: exit.signal, reason, at };
    if (agent.state !== 'stopping') {
      const readyAt = 'readyAt' in agent ? agent.readyAt : null;
      this.#endedByItself(slot, exit, { release, readyAt, reason: how }, now);
    } else if (agent.cause === 'not-ready' || agent.cause === 'unhealthy') {
      // However politely it ended: it was stopped because it had failed.
      const { readyAt, reason: why } = agent;
      this.#endedByItself(slot, { code: null, signal: null }, { release, readyAt, reason: why }, now);
    } else {
      this.#become(slot, { state: 'pending', reason: agent.reason }, now);
    }
  }

  /**
   * An agent has ended while no supervisor was there.
   * @param isCurrent false where a restart was asked for meanwhile: then it starts again whatever the policy
   */
  endedUnseen(number: number, end: { reason: string; at: string }, isCurrent: boolean, now: BootMs): void {
    const slot = this.slot(number);
    const exit = { code: null, signal: null };
    slot.lastExit = { ...exit, ...end };
    if (isCurrent && isOnTrial(this.rolling.record, slot.release)) this.rolling.fail(number, end.reason);
    const decision = decideRestart(this.spec.restart, exit, 0, number);
    if (isCurrent && !decision.restart) {
      this.giveUp(number, `${end.reason}; ${decision.why}`, now);
      return;
    }
    slot.restarts++;
    this.#become(slot, { state: 'pending', reason: `restart: ${end.reason}` }, now);
  }

  /** No automatic start will follow in this slot. */
  giveUp(number: number, reason: string, now: BootMs): void {
    this.#become(this.slot(number), { state: 'failed', reason }, now);
  }

  /** The slot's traces on the host are cleared: it is forgotten, and free for the next `spawn`. */
  vacated(number: number): void {
    const slot = this.slot(number);
    this.counts[slot.agent.state]--;
    this.queues.remove(number);
    this.slots.delete(number);
    this.onSlot(number);
  }

  /** Lets time pass: backoffs and deadlines that are due by now move their slots on. */
  expire(now: BootMs): void {
    this.adaptive?.settle(this.rounds.size, now);
    this.#probePace.expire(this.hold !== null, this.spec.restart.storm?.withinMs ?? 0, now);
    this.rolling.observe(this, now);
    for (;;) {
      const slot = this.slots.get(this.#timers.top ?? -1);
      const deadline = slot ? deadlineOf(slot.agent) : null;
      // A timer whose slot has moved on is dropped as soon as it comes up, so that nobody wakes up for it.
      const isStale = deadline !== this.#timers.next;
      if (this.#timers.top === undefined || (!isStale && deadline > now)) return;
      this.#timers.pop();
      if (!isStale) this.#expireSlot(slot!, now);
    }
  }

  /**
   * When time alone makes something due next; null where nothing will. What is due by now already is not told: the
   * plan has seen it, and waits for something else than time.
   */
  nextDue(now: BootMs): BootMs | null {
    const { returning, pending, replaceable } = this.queues;
    const times = [this.#timers.next, nextRolloutDue(this, now) ?? Number.POSITIVE_INFINITY];
    if (!this.stopAll && !this.pressure && returning.size + pending.size + replaceable.size > 0) {
      if (this.blocked) times.push(this.blocked.retryAt);
      if (!this.hold) times.push(this.adaptive?.opensAt ?? this.rounds.opensAt(now) ?? now);
      if (this.hold?.by === 'storm') times.push(this.hold.probeAt);
    }
    const next = Math.min(...times.filter((time) => time > now));
    return next === Number.POSITIVE_INFINITY ? null : next;
  }

  /** How many more agents may be starting now. */
  room(now: BootMs): number {
    const { parallel } = this.spec.rounds;
    return this.adaptive?.room(this.rounds.size, now) ?? this.rounds.room(parallel, now);
  }

  // ── within ──

  /** Rounds that follow how agents get ready need no pause between them. */
  get #roundDelayMs(): number {
    return this.adaptive ? 0 : this.spec.rounds.delayMs;
  }

  /** A start under hold is the breaker's probe, unless one is under way. */
  #mayProbe(number: number): void {
    if (this.hold && this.probe === null) this.#probe = number;
  }

  #add(number: number, wish: Wish): Slot {
    const slot = newSlot(number, wish);
    this.slots.set(number, slot);
    this.highest = Math.max(this.highest, number);
    this.counts[slot.agent.state]++;
    return slot;
  }

  #expireSlot(slot: Slot, now: BootMs): void {
    const { agent } = slot;
    if (agent.state === 'backoff') this.#become(slot, { state: 'pending', reason: agent.reason }, now);
    else this.#place(slot, now);
  }

  #endedByItself(
    slot: Slot,
    exit: ExitStatus,
    { release, readyAt, reason }: { release: string; readyAt: BootMs | null; reason: string },
    now: BootMs,
  ): void {
    const isTrial = isOnTrial(this.rolling.record, release);
    if (isTrial && slot.wanted && !this.stopAll) this.rolling.fail(slot.number, reason);
    if (slot.wanted && release !== slot.release) {
      // It was to be replaced: how it ended says nothing about the release that follows.
      this.#become(slot, { state: 'pending', reason: `release ${slot.release}` }, now);
      return;
    }
    const failed = isFailedStart(readyAt, now);
    if (failed) {
      slot.failures++;
      if (readyAt === null) this.adaptive?.failed(now - (runOf(slot.agent)?.startedAt ?? now), reason, now);
      if (slot.wanted && !this.stopAll && !isTrial) this.storm.add(slot.number, now);
    } else if (now - readyAt! >= Math.max(SETTLE_MS, this.spec.restart.backoff.minMs)) {
      slot.failures = 0;
    }
    if (this.#probe === slot.number && this.hold) {
      this.#probe = null;
      this.hold.probeAt = now + this.probeDelayMs;
      this.#probePace.inVain();
    }
    const decision = decideRestart(this.spec.restart, exit, slot.failures, slot.number);
    if (!decision.restart) {
      this.#become(slot, { state: 'failed', reason: `${reason}; ${decision.why}` }, now);
      return;
    }
    slot.restarts++;
    const agent: Agent =
      decision.delayMs === 0
        ? { state: 'pending', reason: `restart: ${reason}` }
        : { state: 'backoff', due: now + decision.delayMs, reason: `restart: ${reason}` };
    this.#become(slot, agent, now);
  }

  #become(slot: Slot, agent: Agent, now: BootMs): void {
    this.counts[slot.agent.state]--;
    this.counts[agent.state]++;
    slot.agent = agent;
    const deadline = deadlineOf(agent);
    if (deadline !== null) this.#timers.push(deadline, slot.number);
    this.#place(slot, now);
  }

  /** After any change of a slot: its place in the round, then its place in the queues. */
  #place(slot: Slot, now: BootMs): void {
    if (!keepsPlaceInRound(slot)) this.rounds.leave(slot.number, this.#roundDelayMs, now);
    this.queues.place(slot, this, now);
    this.onSlot(slot.number);
  }
}

function adaptiveOf({ rounds }: Spec): AdaptiveLimit | null {
  return rounds.adaptive ? new AdaptiveLimit(rounds.parallel, { min: 1, max: rounds.parallelMax }) : null;
}
