import { expect } from 'vitest';
import { runOf } from '../../src/fleet/agent.ts';
import { applyChange, type Change } from '../../src/fleet/change.ts';
import { decideRecreated, decideStormHold, decideStormOver } from '../../src/fleet/decide/hold.ts';
import { decidePrune } from '../../src/fleet/decide/releases.ts';
import { rolloutChange } from '../../src/fleet/decide/rollout.ts';
import {
  agentExited,
  killSent,
  remnantsFound,
  signalSent,
  slotEmptied,
  startFailed,
  stopSent,
  successionFailed,
} from '../../src/fleet/endings.ts';
import type { AgentExit } from '../../src/fleet/exit.ts';
import { Fleet } from '../../src/fleet/fleet.ts';
import { plan } from '../../src/fleet/plan.ts';
import type { RunRecord, SlotRecord } from '../../src/fleet/records.ts';
import {
  agentCandidates,
  markForVacating,
  reattach,
  restorePast,
  slotsToRecover,
} from '../../src/fleet/recovery.ts';
import type { AgentMeasurement } from '../../src/fleet/rollout/rolling.ts';
import { runRecord, slotKey } from '../../src/fleet/slot-records.ts';
import type { Executors, Step } from '../../src/fleet/steps.ts';
import { expire, nextDue } from '../../src/fleet/time.ts';
import {
  abortSent,
  agentReady,
  agentStarted,
  agentUnhealthy,
  notReadyBecause,
  prepareAborted,
  prepareBegun,
  prepareDone,
  startBlocked,
} from '../../src/fleet/transitions.ts';
import { DATE, fleetOf, specOf } from './fleets.ts';
import { type Nature, type Process, type Rest, WELL_BEHAVED } from './natures.ts';
import { checkQueues } from './queues.ts';

export type Done = Step & { at: number };

/** No fleet of these tests needs nearly as many turns at one moment, or moments in one stretch of time. */
const TURNS_MAX = 5_000;
const MOMENTS_MAX = 50_000;

/**
 * An imaginary kernel, disk and clock with one fleet on them. It drives what the supervisor drives: the planner, the
 * transitions, the changes and the recovery; of its own it has only an executor per step. It wakes the planner only for
 * what happens and for `nextDue`, and checks after every turn what must always hold.
 */
export class ImaginaryKernel {
  now = 1_000_000;
  fleet: Fleet;
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
  #preparing: { slot: number; work: 'prepare' | 'before'; endsAt: number; isAborted: boolean }[] = [];
  /** What ended agents left behind, by slot. */
  readonly rests = new Map<number, Rest>();
  #pid = 100;
  /** Slots that a spawn has wanted again, whatever was still in them. */
  protected readonly wantedAgain = new Set<number>();
  /** What the open round was opened with: a spec with a smaller `parallel` is for the next one. */
  #parallel = 0;

  constructor(document: object = {}) {
    this.fleet = fleetOf(specOf(document), this.now);
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

  /** Durable first, then true for the planner. */
  protected commit(change: Change | null): void {
    if (!change) return;
    for (const slot of change.slots ?? []) this.#slots.set(slot.slot, { ...slot });
    for (const slot of change.prepared ?? []) this.#slots.get(slot)!.prepared = true;
    for (const slot of change.completed ?? []) this.#slots.get(slot)!.completed = true;
    applyChange(this.fleet, change, this.now);
  }

  // ── what agents do ──

  /** The agent of a slot ends by itself. */
  crash(slot: number, exit: AgentExit = { code: 1, signal: null }): void {
    const process = this.processOf(slot);
    if (process) Object.assign(process, { endsAt: this.now, exit });
  }

  /** A health check of a slot fails so many times. */
  miss(slot: number, times = 1): void {
    for (let i = 0; i < times; i++) agentUnhealthy(this.fleet, slot, 'no answer', this.now);
  }

  // ── the supervisor ends, and another one begins ──

  /** kill −9, and a new supervisor after `awayMs`; what ended meanwhile nobody saw, and a `prepare` was cut off. */
  replaceSupervisor(awayMs = 0): void {
    this.now += awayMs;
    this.#preparing = [];
    for (const { pid, slot, endsAt } of this.processes.values()) {
      if (endsAt > this.now) continue;
      this.processes.delete(pid);
      this.#leave(slot);
    }
    for (const { slot, endsAt } of this.rests.values()) if (endsAt <= this.now) this.rests.delete(slot);
    const { record, releases } = this.fleet;
    const slots = [...this.#slots.values()];
    this.fleet = new Fleet({ fleet: record, slots, releases: [...releases.values()] }, this.now);
    const moment = { now: this.now, date: DATE };
    const alive = [...this.processes.values(), ...this.rests.values()];
    const census = new Map(alive.map((process) => [slotKey(this.fleet, process.slot), process]));
    for (const slot of slotsToRecover(this.fleet, census, [...this.#runs.values()])) {
      const noted = this.#runs.get(slot);
      const process = this.processOf(slot);
      const found = process ? [{ pid: process.pid, startTicks: process.startedAt, leads: true }] : [];
      const [main] = agentCandidates('cgroup', noted, found, false);
      if (process && main) reattach(this.fleet, slot, main, { ...moment, startedAt: process.startedAt });
      else if (noted) restorePast(this.fleet, slot, noted, moment);
      if (!process && this.rests.has(slot)) remnantsFound(this.fleet, slot, this.now);
      this.#noteRun(slot);
    }
    for (const { slot } of slots) markForVacating(this.fleet, slot, this.now);
  }

  /** The host goes down and comes up again: no process is left, and time begins again. */
  reboot(): void {
    this.processes.clear();
    this.rests.clear();
    this.#runs.clear();
    this.now = 5_000;
    this.replaceSupervisor();
  }

  // ── time ──

  /** So many turns of the loop and no more: what follows finds work half done. */
  turns(count: number): void {
    for (let i = 0; i < count; i++) {
      this.#happen();
      this.#turn();
    }
  }

  /** Turns of the loop until nothing is left to do at this moment. */
  settle(): void {
    for (let turns = 0; ; turns++) {
      expect(turns, 'turns at one moment').toBeLessThan(TURNS_MAX);
      const happened = this.#happen();
      const acted = this.#turn();
      if (!happened && !acted) break;
    }
    // A due time that has come without anything to do would make the loop spin.
    expect(nextDue(this.fleet, this.now) ?? Number.POSITIVE_INFINITY).toBeGreaterThan(this.now);
  }

  /** Lets time pass, from one thing that happens or is due to the next. */
  advance(ms: number): void {
    const until = this.now + ms;
    this.settle();
    for (let moments = 0; ; moments++) {
      expect(moments, 'moments').toBeLessThan(MOMENTS_MAX);
      const next = Math.min(this.#nextHappening(), nextDue(this.fleet, this.now) ?? Number.POSITIVE_INFINITY);
      this.now = Math.min(next, until);
      // What can be done earlier than `nextDue` said would be done too late.
      if (next > this.now) expect(plan(this.fleet, this.now)).toEqual([]);
      else expect(plan(this.fleet, this.now - 1)).toEqual([]);
      if (next > until) return;
      this.settle();
    }
  }

  /** One turn of the supervisor's loop. */
  #turn(): boolean {
    const { rounds, spec } = this.fleet;
    this.#parallel = Math.max(rounds.size === 0 ? 0 : this.#parallel, spec.rounds.parallel);
    expire(this.fleet, this.now);
    checkQueues(this.fleet, this.now);
    const steps = plan(this.fleet, this.now);
    for (const step of steps) {
      // The compiler cannot follow that a step is carried out by the executor of its kind.
      (this.#executors[step.do] as (steps: readonly Step[]) => void)([step]);
      this.done.push({ ...step, at: this.now });
    }
    checkQueues(this.fleet, this.now);
    return steps.length > 0;
  }

  #nextHappening(): number {
    let next = Number.POSITIVE_INFINITY;
    const ending = [...this.processes.values(), ...this.rests.values(), ...this.#preparing];
    for (const { endsAt } of ending) next = Math.min(next, endsAt);
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

  /** Reports to the planner what has happened by now. */
  #happen(): boolean {
    let happened = false;
    for (const { pid, slot, endsAt, exit } of this.processes.values()) {
      if (endsAt > this.now) continue;
      happened = true;
      this.processes.delete(pid);
      expect(runOf(this.fleet.slot(slot).agent)?.pid, `process of slot ${slot}`).toBe(pid);
      agentExited(this.fleet, slot, exit, 'now', this.now, this.#leave(slot));
      this.#noteRun(slot);
    }
    for (const { slot, endsAt } of this.rests.values()) {
      if (endsAt > this.now) continue;
      happened = true;
      this.rests.delete(slot);
      slotEmptied(this.fleet, slot, this.now);
      this.#noteRun(slot);
    }
    for (const slot of [...this.fleet.queues.starting]) {
      if (this.#readyAt(slot) > this.now) notReadyBecause(this.fleet, slot, 'not listening');
      else {
        happened = true;
        agentReady(this.fleet, slot, this.now);
        this.#noteRun(slot);
      }
    }
    const ended = this.#preparing.filter(({ endsAt }) => endsAt <= this.now);
    this.#preparing = this.#preparing.filter(({ endsAt }) => endsAt > this.now);
    for (const one of ended) this.#prepared(one);
    return happened || ended.length > 0;
  }

  /** What an agent that has ended leaves behind. @returns how many processes */
  #leave(slot: number): number {
    const { forks } = this.#natureOf(slot);
    const agent = this.fleet.slots.get(slot)?.agent;
    // What was killed with its main process takes a moment to end.
    const isKilled = agent?.state === 'stopping' && agent.phase === 'killed';
    if (forks > 0) this.rests.set(slot, { slot, endsAt: isKilled ? this.now + 1 : Number.POSITIVE_INFINITY });
    return forks;
  }

  #prepared({
    slot,
    work,
    isAborted,
  }: {
    slot: number;
    work: 'prepare' | 'before';
    isAborted: boolean;
  }): void {
    const { prepare, before } = this.#natureOf(slot);
    const outcome = work === 'prepare' ? prepare : before;
    if (isAborted) prepareAborted(this.fleet, slot, this.now);
    else if (outcome === 'fails') startFailed(this.fleet, slot, `${work} exited 1`, 'now', this.now);
    else if (outcome === 'hits a limit') startBlocked(this.fleet, slot, 'no more processes', this.now);
    else if (work === 'prepare') this.commit({ prepared: [slot] });
    else prepareDone(this.fleet, slot, 'cleared', this.now, true);
    this.#noteRun(slot);
  }

  #prepare(slot: number, work: 'prepare' | 'before'): void {
    this.#checkStart(slot);
    prepareBegun(this.fleet, slot, work, this.now);
    const endsAt = this.now + this.#natureOf(slot).prepareMs;
    this.#preparing.push({ slot, work, endsAt, isAborted: false });
  }

  // ── carrying out ──

  readonly #executors: Executors = {
    prepare: ([step]) => {
      expect(this.fleet.slot(step!.slot).prepared).toBe(false);
      this.#prepare(step!.slot, 'prepare');
    },
    before: ([step]) => this.#prepare(step!.slot, 'before'),
    abort: ([step]) => {
      const running = this.#preparing.find(({ slot }) => slot === step!.slot)!;
      Object.assign(running, { endsAt: this.now, isAborted: true });
      abortSent(this.fleet, step!.slot, this.now);
    },
    start: ([step]) => {
      this.#checkStart(step!.slot);
      this.#start(step!.slot);
    },
    stop: ([step]) => this.#stop(step!),
    terminate: ([step]) => {
      const { slot } = step!;
      const { restMs } = this.#natureOf(slot);
      if (restMs !== null) this.rests.get(slot)!.endsAt = this.now + restMs;
      signalSent(this.fleet, slot, this.now);
    },
    kill: ([step]) => {
      const { slot } = step!;
      this.#killAll(slot);
      killSent(this.fleet, slot, this.now);
    },
    abandon: ([step]) => successionFailed(this.fleet, step!.slot, this.now),
    complete: ([step]) => this.commit({ completed: [step!.slot] }),
    vacate: ([step]) => {
      const { slot } = step!;
      expect(this.processOf(slot), `process of vacated slot ${slot}`).toBeUndefined();
      expect(this.rests.has(slot), `something in vacated slot ${slot}`).toBe(false);
      expect(this.fleet.slot(slot).wanted).toBe(false);
      this.fleet.remove(slot);
      this.#noteRun(slot);
    },
    hold: ([step]) => this.commit(decideStormHold(this.fleet, step!.reason, null, DATE)),
    resume: ([step]) => this.commit(decideStormOver(this.fleet, step!.reason)),
    recreate: ([step]) => {
      expect(this.processes.size, 'processes when all is recreated').toBe(0);
      this.commit(decideRecreated(this.fleet, step!.reason));
    },
    rollout: ([step]) => {
      const { change, reason } = step!;
      this.commit(rolloutChange(this.fleet, change, { reason, sample: null, date: DATE }));
      this.commit(decidePrune(this.fleet));
    },
    measure: ([step]) => {
      const agents = new Map(step!.slots.map((slot) => this.#measured(slot)));
      this.fleet.rolling.surveyed({ at: this.now, agents });
    },
    drain: ([step]) => void this.fleet.rolling.beginDrain(step!.batch, step!.slots, step!.until),
  };

  #measured(slot: number): [number, AgentMeasurement] {
    const { pid, release, startedAt } = this.processOf(slot)!;
    const { rssBytes = 10 * 2 ** 20, cpu = 0.01 } = this.releases.get(release) ?? {};
    return [slot, { pid, rssBytes, cpuMs: cpu * (this.now - startedAt) }];
  }

  /** What must hold wherever an agent is started. */
  #checkStart(number: number): void {
    const { fleet } = this;
    expect(fleet.slot(number).wanted, `slot ${number} is wanted`).toBe(true);
    expect(this.processOf(number), `process in slot ${number}`).toBeUndefined();
    expect(this.rests.has(number), `something in slot ${number}`).toBe(false);
    expect(this.#preparing.some(({ slot }) => slot === number)).toBe(false);
    expect(fleet.stopAll).toBe(null);
    expect(fleet.hold?.by ?? 'storm', 'what may start').toBe('storm');
    const { starting, preparing: preparingCount } = fleet.counts;
    expect(starting + preparingCount, 'agents starting').toBeLessThan(this.#parallel);
  }

  #start(slot: number): void {
    const { fleet } = this;
    const nature = this.#natureOf(slot);
    if (nature.start === 'hits a limit') startBlocked(fleet, slot, 'no more processes', this.now);
    else if (nature.start === 'cannot be executed') startFailed(fleet, slot, 'ENOENT', 'now', this.now);
    else {
      const { release, generation } = fleet.slot(slot);
      const pid = this.#pid++;
      const startedAt = this.now;
      const endsAt = nature.crashMs === null ? Number.POSITIVE_INFINITY : startedAt + nature.crashMs;
      this.processes.set(pid, { pid, slot, startedAt, release, endsAt, exit: nature.crashExit });
      const run = { pid, startTicks: startedAt, startedAt, startedIso: 'now', release, generation };
      agentStarted(fleet, slot, run, this.now);
    }
    this.#noteRun(slot);
  }

  #stop({ slot, cause, reason, urgent }: Extract<Step, { do: 'stop' }>): void {
    const process = this.processOf(slot);
    expect(process, `process in slot ${slot}, which is stopped`).toBeDefined();
    const { stopping, clearing } = this.fleet.counts;
    expect(stopping + clearing, 'agents stopping').toBeLessThan(this.fleet.spec.stop.parallel);
    this.#checkTurn(slot, process!, reason);
    const { stopMs, stopExit } = this.#natureOf(slot);
    if (urgent) this.#killAll(slot);
    else if (stopMs !== null && this.now + stopMs < process!.endsAt) {
      Object.assign(process!, { endsAt: this.now + stopMs, exit: stopExit });
    }
    stopSent(this.fleet, slot, { cause, reason }, urgent ? 'killed' : 'signalled', this.now);
  }

  #killAll(slot: number): void {
    const process = this.processOf(slot);
    if (process) Object.assign(process, { endsAt: this.now, exit: { code: null, signal: 'SIGKILL' } });
    const rest = this.rests.get(slot);
    if (rest) rest.endsAt = this.now;
  }

  /**
   * During the first rollout of a fleet nothing is replaced that is not in the batch under way, but for what was on its
   * way out already when it was wanted again.
   */
  #checkTurn(slot: number, { release }: Process, reason: string): void {
    const { record } = this.fleet.rolling;
    if (record?.id !== 1 || record.state === 'rolling-back' || !reason.startsWith('release ')) return;
    if (release !== record.to && !this.wantedAgain.has(slot))
      expect(record.batch?.slots, `stopped out of turn`).toContain(slot);
  }

  #noteRun(slot: number): void {
    const record = runRecord(this.fleet, slot);
    if (record) this.#runs.set(slot, record);
    else this.#runs.delete(slot);
  }
}
