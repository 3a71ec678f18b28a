import { expect } from 'vitest';
import { Managed } from '../../src/daemon/fleet/managed.ts';
import { runOf } from '../../src/fleet/agent.ts';
import type { Fleet } from '../../src/fleet/fleet.ts';
import { plan } from '../../src/fleet/plan.ts';
import type { FleetRecord, RunRecord, SlotRecord } from '../../src/fleet/records.ts';
import type { AgentExit } from '../../src/fleet/restart.ts';
import {
  beginRollout,
  changeOf,
  goBack,
  provenRelease,
  type RolloutChange,
  resumeRollout,
  rollBackTo,
  untouched,
} from '../../src/fleet/rollout/changes.ts';
import type { RolloutOptions } from '../../src/fleet/rollout/record.ts';
import { type AgentMeasurement, isOver } from '../../src/fleet/rollout/rollout.ts';
import type { Step } from '../../src/fleet/steps.ts';
import { toTarget } from '../../src/fleet/target.ts';
import { parseSpec } from '../../src/specification/parse.ts';
import { parseSlots } from '../../src/specification/slots.ts';
import { checkQueues } from './queues.ts';

/** How the imaginary agents of a slot behave. */
export interface Nature {
  /** What becomes of an attempt to start one. */
  start: 'runs' | 'cannot be executed' | 'hits a limit';
  /** Ready so long after the start; null: never. */
  readyMs: number | null;
  /** Ends by itself so long after the start; null: never. */
  crashMs: number | null;
  crashExit: AgentExit;
  /** Ends so long after the stop signal; null: by SIGKILL only. */
  stopMs: number | null;
  stopExit: AgentExit;
  prepareMs: number;
  prepare: 'succeeds' | 'fails' | 'hits a limit';
}

export const WELL_BEHAVED: Nature = {
  start: 'runs',
  readyMs: 100,
  crashMs: null,
  crashExit: { code: 1, signal: null },
  stopMs: 10,
  stopExit: { code: 0, signal: null },
  prepareMs: 50,
  prepare: 'succeeds',
};

export interface Process {
  pid: number;
  slot: number;
  startedAt: number;
  release: string;
  /** When it ends as things stand, and how. */
  endsAt: number;
  exit: AgentExit;
}

export type Done = Step & { at: number };

/** No fleet of these tests needs nearly as many turns at one moment, or moments in one stretch of time. */
const TURNS_MAX = 5_000;
const MOMENTS_MAX = 50_000;

/** The spec of a fleet named f, with some fields of the document given. */
export function specOf(document: object = {}) {
  return parseSpec({ name: 'f', command: ['agent'], ...document });
}

/**
 * An imaginary host with one fleet, its clock and its processes. It does what the daemon does around the planner
 * (`expire`, `plan`, one executor a step, the transitions), wakes it only for what happens and for `nextDue`, and
 * checks after every turn what must hold always.
 */
export class ImaginaryHost {
  now = 1_000_000;
  managed: Managed;
  /** Every step that was carried out. */
  readonly done: Done[] = [];
  readonly processes = new Map<number, Process>();
  /** Of each slot; others are well-behaved. */
  readonly natures = new Map<number, Nature>();
  /** Of each release, before that of the slot. */
  readonly releases = new Map<string, Partial<Nature> & { rssBytes?: number; cpu?: number }>();
  nature: Nature = WELL_BEHAVED;
  readonly #slots = new Map<number, SlotRecord>();
  readonly #runs = new Map<number, RunRecord>();
  #preparing: { slot: number; endsAt: number; fleet: Fleet }[] = [];
  #pid = 100;
  readonly #wantedAnew = new Set<number>();
  /** What the open round was opened with: a spec with a smaller `parallel` is for the next one. */
  #parallel = 0;

  constructor(document: object = {}) {
    const spec = specOf(document);
    const record: FleetRecord = { name: 'f', spec, baseDir: '/', release: 'r1', hold: null, recreate: false };
    this.managed = new Managed({ fleet: record, slots: [], releases: [] }, this.now);
  }

  get fleet(): Fleet {
    return this.managed.fleet;
  }

  // ── looking ──

  /** The state of each slot: `ready ready backoff`. */
  get states(): string {
    return [...this.fleet.slots.values()]
      .sort((a, b) => a.number - b.number)
      .map(({ agent }) => agent.state)
      .join(' ');
  }

  /** The steps of one kind that were carried out, since `from` on. */
  steps<K extends Step['do']>(kind: K, from = 0): Extract<Done, { do: K }>[] {
    return this.done.filter((step): step is Extract<Done, { do: K }> => step.do === kind && step.at >= from);
  }

  /** When each start was, counted from `from`. */
  startTimes(from: number): number[] {
    return this.steps('start', from).map(({ at }) => at - from);
  }

  processOf(slot: number): Process | undefined {
    return [...this.processes.values()].find((process) => process.slot === slot);
  }

  /** Slot → pid of what runs. */
  get pids(): Record<number, number> {
    return Object.fromEntries([...this.processes.values()].map(({ slot, pid }) => [slot, pid]));
  }

  // ── commands, as the daemon carries them out ──

  /** Sets the target; with changes of the document, under a new spec or release. */
  spawn(target: number, changed?: { document?: object; release?: string; recreate?: boolean }): void {
    const { managed, fleet } = this;
    const record: FleetRecord = {
      ...managed.record,
      spec: changed?.document ? specOf(changed.document) : managed.record.spec,
      release: changed?.release ?? managed.record.release,
      hold: changed ? null : managed.record.hold,
      recreate: (changed?.recreate && fleet.slots.size > 0) || managed.record.recreate,
    };
    const { rollout } = managed.record;
    const isRolling = rollout && !isOver(rollout);
    const isEnded = isRolling && (record.recreate || record.release !== managed.record.release);
    if (isEnded) record.rollout = null;
    const { add, remove } = toTarget(fleet.wanted(), target);
    for (const slot of add) this.#wantedAnew.add(slot);
    const kept = [...fleet.slots.values()].filter(({ number, wanted }) => wanted && !remove.includes(number));
    const moved = kept.filter(
      ({ agent, failures, lastExit }) =>
        changed &&
        (!isRolling || isEnded) &&
        (changed.recreate || (!runOf(agent) && (failures > 0 || lastExit === null))),
    );
    this.#write(
      [
        ...add.map((slot) => managed.newSlot(slot, record.release)),
        ...remove.map((slot) => managed.slotRecord(slot, { wanted: false })),
        ...moved.map(({ number }) => managed.slotRecord(number, { release: record.release })),
      ],
      record,
    );
  }

  kill(count: number): void {
    this.killSlots(toTarget(this.fleet.wanted(), Math.max(0, this.fleet.target - count)).remove);
  }

  killSlots(slots: readonly number[] | string): void {
    const numbers = typeof slots === 'string' ? parseSlots(slots) : slots;
    this.#write(numbers.map((slot) => this.managed.slotRecord(slot, { wanted: false })));
  }

  /** Wants just these slots again, whatever is still in them. */
  want(...slots: number[]): void {
    this.#write(slots.map((slot) => this.managed.newSlot(slot, this.fleet.release)));
  }

  restart(slots: Iterable<number> = this.fleet.wanted(), latest = false): number {
    const generation = this.managed.generation + 1;
    const release = latest ? { release: this.fleet.release } : {};
    this.#write([...slots].map((slot) => this.managed.slotRecord(slot, { generation, ...release })));
    for (const slot of slots) this.fleet.renew(slot, this.now);
    return generation;
  }

  hold(by: 'user' | 'storm' = 'user', reason = 'held'): void {
    const hold = { by, reason, since: 'now', sample: null };
    this.managed.record = { ...this.managed.record, hold };
    this.fleet.setHold({ ...hold, probeAt: this.now + this.fleet.probeDelayMs });
  }

  release(): void {
    this.managed.record = { ...this.managed.record, hold: null };
    this.fleet.setHold(null);
  }

  resume(): void {
    this.release();
    for (const slot of this.fleet.slots.keys()) this.fleet.renew(slot, this.now);
  }

  /** Begins a rolling update to a release, with some of the options of the spec's `update` changed. */
  roll(to: string, options: Partial<RolloutOptions> = {}): void {
    const { managed, fleet } = this;
    const from = provenRelease(fleet, to);
    const { record } = fleet.rolling;
    if (record && !isOver(record) && record.from === to) {
      if (record.state !== 'rolling-back') this.#decide(goBack(fleet, record, 'back'));
      return;
    }
    if ([...fleet.slots.values()].every((slot) => !slot.wanted || slot.release === to)) return;
    const all = { ...fleet.spec.update, ...options };
    const rollout = beginRollout(fleet, { from, to, options: all, startedAt: 'now' });
    const slots = untouched(fleet).map(({ slot, release }) => managed.slotRecord(slot, { release }));
    this.#write(slots, { ...managed.record, release: to, hold: null, rollout });
  }

  /** Brings everything to one release. */
  rollBack(to: string): void {
    this.#decide(rollBackTo(this.fleet, to, this.fleet.spec.update, 'now'));
  }

  abort(): void {
    this.#decide(goBack(this.fleet, this.fleet.rolling.record!, 'aborted'));
  }

  pause(): void {
    this.#decide(changeOf({ ...this.fleet.rolling.record!, state: 'paused' }));
  }

  goOn(): void {
    this.#decide(resumeRollout(this.fleet, this.fleet.rolling.record!));
  }

  /** So many turns of the loop and no more: what follows finds work half done. */
  turns(count: number): void {
    for (let i = 0; i < count; i++) {
      this.#happen();
      this.#turn();
    }
  }

  // ── what agents do ──

  /** The agent of a slot ends by itself. */
  crash(slot: number, exit: AgentExit = { code: 1, signal: null }): void {
    const process = this.processOf(slot);
    if (process) Object.assign(process, { endsAt: this.now, exit });
  }

  /** A health check of a slot fails so many times. */
  miss(slot: number, times = 1): void {
    for (let i = 0; i < times; i++) this.fleet.unhealthy(slot, 'no answer', this.now);
  }

  // ── the supervisor ends, and another one begins ──

  /** kill −9, and a new supervisor after `awayMs`; what ended meanwhile nobody saw, and a `prepare` was cut off. */
  replaceSupervisor(awayMs = 0): void {
    this.now += awayMs;
    this.#preparing = [];
    for (const { pid, endsAt } of this.processes.values()) if (endsAt <= this.now) this.processes.delete(pid);
    const slots = [...this.#slots.values()];
    this.managed = new Managed({ fleet: this.managed.record, slots, releases: [] }, this.now);
    const inUse = [...this.#runs.values()].filter((record) => record.process).map((record) => record.slot);
    for (const slot of new Set([...this.fleet.slots.keys(), ...inUse])) {
      const process = this.processOf(slot);
      if (process) this.#takeOver(process);
      else this.#cameToNothing(slot);
      this.#noteRun(slot);
    }
  }

  /** The host goes down and comes up again: no process is left, and time begins anew. */
  reboot(): void {
    this.processes.clear();
    this.#runs.clear();
    this.now = 5_000;
    this.replaceSupervisor();
  }

  #takeOver({ slot, pid, startedAt, release }: Process): void {
    const record = this.#runs.get(slot)!;
    const isWanted = this.fleet.slots.has(slot);
    if (!isWanted) this.fleet.want(slot, { release, generation: 0, prepared: true }, this.now);
    const { restarts, failures, lastExit } = record;
    Object.assign(this.fleet.slot(slot), { restarts, failures, lastExit });
    const run = { pid, startedAt, startedIso: 'then', release, generation: record.process!.generation };
    this.fleet.reattached(slot, run, record.readyAt, this.now);
    if (!isWanted) this.fleet.unwant(slot, this.now);
  }

  #cameToNothing(slot: number): void {
    const found = this.fleet.slots.get(slot);
    const record = this.#runs.get(slot);
    if (!found || !record) return;
    const { restarts, failures, lastExit, givenUp } = record;
    Object.assign(found, { restarts, failures, lastExit });
    if (record.process) {
      const isCurrent =
        record.process.release === found.release && record.process.generation === found.generation;
      this.fleet.endedUnseen(found.number, { reason: 'unseen', at: 'now' }, isCurrent, this.now);
    } else if (givenUp && givenUp.generation === found.generation) {
      this.fleet.giveUp(found.number, givenUp.reason, this.now);
    }
  }

  // ── time ──

  /** Turns of the loop until nothing is left to do at this moment. */
  settle(): void {
    for (let turns = 0; ; turns++) {
      expect(turns, 'turns at one moment').toBeLessThan(TURNS_MAX);
      const happened = this.#happen();
      const acted = this.#turn();
      if (!happened && !acted) break;
    }
    // A due time that has come without anything to do would make the loop spin.
    expect(this.fleet.nextDue(this.now) ?? Number.POSITIVE_INFINITY).toBeGreaterThan(this.now);
  }

  /** Lets time pass, from one thing that happens or is due to the next. */
  advance(ms: number): void {
    const until = this.now + ms;
    this.settle();
    for (let moments = 0; ; moments++) {
      expect(moments, 'moments').toBeLessThan(MOMENTS_MAX);
      const next = Math.min(this.#nextHappening(), this.fleet.nextDue(this.now) ?? Number.POSITIVE_INFINITY);
      this.now = Math.min(next, until);
      // What can be done earlier than `nextDue` said would be done too late.
      if (next > this.now) expect(plan(this.fleet, this.now)).toEqual([]);
      else expect(plan(this.fleet, this.now - 1)).toEqual([]);
      if (next > until) return;
      this.settle();
    }
  }

  /** One pass of the daemon's loop. */
  #turn(): boolean {
    const { rounds, spec } = this.fleet;
    this.#parallel = Math.max(rounds.size === 0 ? 0 : this.#parallel, spec.rounds.parallel);
    this.fleet.expire(this.now);
    checkQueues(this.fleet, this.now);
    const steps = plan(this.fleet, this.now);
    for (const step of steps) {
      this.#execute(step);
      this.done.push({ ...step, at: this.now });
    }
    checkQueues(this.fleet, this.now);
    return steps.length > 0;
  }

  #nextHappening(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { endsAt } of [...this.processes.values(), ...this.#preparing]) next = Math.min(next, endsAt);
    for (const slot of this.fleet.queues.starting) next = Math.min(next, this.#readyAt(slot));
    return Math.max(next, this.now + 1);
  }

  #readyAt(slot: number): number {
    const { readyMs } = this.#natureOf(slot);
    return readyMs === null ? Number.POSITIVE_INFINITY : this.processOf(slot)!.startedAt + readyMs;
  }

  #natureOf(slot: number): Nature {
    const { release } = this.processOf(slot) ?? this.fleet.slot(slot);
    return { ...(this.natures.get(slot) ?? this.nature), ...this.releases.get(release) };
  }

  /** Tells the planner what has happened by now. */
  #happen(): boolean {
    let happened = false;
    for (const { pid, slot, endsAt, exit } of this.processes.values()) {
      if (endsAt > this.now) continue;
      happened = true;
      this.processes.delete(pid);
      expect(runOf(this.fleet.slot(slot).agent)?.pid, `process of slot ${slot}`).toBe(pid);
      this.fleet.exited(slot, exit, 'now', this.now);
      this.#noteRun(slot);
    }
    for (const slot of [...this.fleet.queues.starting]) {
      if (this.#readyAt(slot) > this.now) this.fleet.notReadyBecause(slot, 'not listening');
      else {
        happened = true;
        this.fleet.ready(slot, this.now);
        this.#noteRun(slot);
      }
    }
    const ended = this.#preparing.filter(({ endsAt }) => endsAt <= this.now);
    this.#preparing = this.#preparing.filter(({ endsAt }) => endsAt > this.now);
    for (const { slot } of ended) this.#prepared(slot);
    return happened || ended.length > 0;
  }

  #prepared(slot: number): void {
    const { prepare } = this.#natureOf(slot);
    if (prepare === 'fails') this.fleet.startFailed(slot, 'prepare exited 1', 'now', this.now);
    else if (prepare === 'hits a limit') this.fleet.startBlocked(slot, 'no more processes', this.now);
    else {
      this.#slots.get(slot)!.prepared = true;
      this.fleet.prepared(slot, this.now);
    }
    this.#noteRun(slot);
  }

  // ── carrying out ──

  #execute(step: Step): void {
    const { fleet } = this;
    switch (step.do) {
      case 'prepare':
        this.#checkStart(step.slot);
        expect(fleet.slot(step.slot).prepared).toBe(false);
        fleet.preparing(step.slot, this.now);
        this.#preparing.push({
          slot: step.slot,
          endsAt: this.now + this.#natureOf(step.slot).prepareMs,
          fleet,
        });
        return;
      case 'start':
        this.#checkStart(step.slot);
        this.#start(step.slot);
        return;
      case 'stop':
        this.#stop(step);
        return;
      case 'kill':
        Object.assign(this.processOf(step.slot)!, {
          endsAt: this.now,
          exit: { code: null, signal: 'SIGKILL' },
        });
        fleet.killed(step.slot, this.now);
        return;
      case 'vacate':
        expect(this.processOf(step.slot), `process of vacated slot ${step.slot}`).toBeUndefined();
        expect(fleet.slot(step.slot).wanted).toBe(false);
        fleet.vacated(step.slot);
        this.#noteRun(step.slot);
        return;
      case 'hold':
        this.hold('storm', step.reason);
        return;
      case 'resume':
        this.release();
        return;
      case 'recreate':
        expect(this.processes.size, 'processes when all is recreated').toBe(0);
        this.managed.record = { ...this.managed.record, recreate: false };
        fleet.setStopAll(null, this.now);
        return;
      case 'rollout':
        this.#decide(step.change);
        return;
      case 'measure':
        fleet.rolling.surveyed({
          at: this.now,
          agents: new Map(step.slots.map((slot) => this.#measured(slot))),
        });
        return;
      case 'drain':
        fleet.rolling.beginDrain(step.batch, step.slots, step.until);
    }
  }

  #measured(slot: number): [number, AgentMeasurement] {
    const { pid, release, startedAt } = this.processOf(slot)!;
    const { rssBytes = 10 * 2 ** 20, cpu = 0.01 } = this.releases.get(release) ?? {};
    return [slot, { pid, rssBytes, cpuMs: cpu * (this.now - startedAt) }];
  }

  /** Durable first, then true for the planner, as commitRollout() has it. */
  #decide(change: RolloutChange): void {
    const { managed, fleet } = this;
    const { fleet: record, slots } = managed.decided(change, null, new Date(0));
    for (const slot of slots) this.#slots.set(slot.slot, { ...slot });
    managed.record = record;
    if (change.newest !== null) fleet.respecify(record.spec!, record.release, this.now);
    managed.apply(slots, this.now);
    fleet.rolling.set(record.rollout ?? null);
    if (typeof change.hold === 'object') fleet.setHold({ ...record.hold!, probeAt: 0 });
    if (change.hold === 'lift' && fleet.hold) fleet.setHold(null);
    for (const { slot } of slots) fleet.renew(slot, this.now);
  }

  /** What must hold wherever an agent is started. */
  #checkStart(number: number): void {
    const { fleet } = this;
    expect(fleet.slot(number).wanted, `slot ${number} is wanted`).toBe(true);
    expect(this.processOf(number), `process in slot ${number}`).toBeUndefined();
    expect(this.#preparing.some(({ slot }) => slot === number)).toBe(false);
    expect(fleet.stopAll).toBe(null);
    expect(fleet.hold?.by ?? 'storm', 'what may start').toBe('storm');
    const { starting, preparing } = fleet.counts;
    expect(starting + preparing, 'agents starting').toBeLessThan(this.#parallel);
  }

  #start(slot: number): void {
    const { fleet } = this;
    const nature = this.#natureOf(slot);
    if (nature.start === 'hits a limit') fleet.startBlocked(slot, 'no more processes', this.now);
    else if (nature.start === 'cannot be executed') fleet.startFailed(slot, 'ENOENT', 'now', this.now);
    else {
      const { release, generation } = fleet.slot(slot);
      const process: Process = {
        pid: this.#pid++,
        slot,
        startedAt: this.now,
        release,
        endsAt: nature.crashMs === null ? Number.POSITIVE_INFINITY : this.now + nature.crashMs,
        exit: nature.crashExit,
      };
      this.processes.set(process.pid, process);
      const { pid, startedAt } = process;
      fleet.started(slot, { pid, startedAt, startedIso: 'now', release, generation }, this.now);
    }
    this.#noteRun(slot);
  }

  #stop({ slot, cause, reason }: Extract<Step, { do: 'stop' }>): void {
    const process = this.processOf(slot);
    expect(process, `process in slot ${slot}, which is stopped`).toBeDefined();
    expect(this.fleet.counts.stopping, 'agents stopping').toBeLessThan(this.fleet.spec.stop.parallel);
    this.#checkTurn(slot, process!, reason);
    const { stopMs, stopExit } = this.#natureOf(slot);
    if (stopMs !== null && this.now + stopMs < process!.endsAt) {
      Object.assign(process!, { endsAt: this.now + stopMs, exit: stopExit });
    }
    this.fleet.stopping(slot, { cause, reason }, this.now);
  }

  /**
   * During the first rollout of a fleet nothing is replaced that is not in the batch under way, but for what was on its
   * way out already when it was wanted again.
   */
  #checkTurn(slot: number, { release }: Process, reason: string): void {
    const { record } = this.fleet.rolling;
    if (record?.id !== 1 || record.state === 'rolling-back' || !reason.startsWith('release ')) return;
    if (release !== record.to && !this.#wantedAnew.has(slot))
      expect(record.batch?.slots, `stopped out of turn`).toContain(slot);
  }

  /** Durable first, then true for the planner. */
  #write(slots: readonly SlotRecord[], record?: FleetRecord): void {
    for (const slot of slots) this.#slots.set(slot.slot, { ...slot });
    const { managed, fleet } = this;
    if (record) {
      const hadHold = fleet.hold !== null;
      managed.record = record;
      fleet.rolling.set(record.rollout ?? null);
      fleet.respecify(record.spec!, record.release, this.now);
      if (record.recreate) fleet.setStopAll('recreate', this.now);
      if (hadHold && !record.hold) fleet.setHold(null);
    }
    managed.apply(slots, this.now);
    if (record && !record.hold) for (const { slot, wanted } of slots) if (wanted) fleet.renew(slot, this.now);
  }

  #noteRun(slot: number): void {
    const record = this.managed.runRecord(slot);
    if (record) this.#runs.set(slot, record);
    else this.#runs.delete(slot);
  }
}
