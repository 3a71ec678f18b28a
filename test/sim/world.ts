import { mkdirSync, rmSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { FleetRunner } from '../../src/daemon/fleet/runner.ts';
import type { ProcessId } from '../../src/fleet/agent.ts';
import { slotRecord } from '../../src/fleet/slot-records.ts';
import { nameFailure } from '../../src/host/facts/explain.ts';
import { type Paths, pathsIn } from '../../src/specification/paths.ts';
import type { WantedStore } from '../../src/store/wanted.ts';
import { Disk } from './disk.ts';
import { difference, type Effect, type Pending, type Promises, possibilities } from './expected.ts';
import type { FakeProcesses } from './fake-processes.ts';
import { RandomFaults } from './faults.ts';
import { Crash, Gate } from './gate.ts';
import { Kernel, type Process, READY_MS_MIN } from './kernel.ts';
import { Life } from './life.ts';
import { Random } from './random.ts';
import { programOf } from './specs.ts';
import { settled, VirtualTime } from './time.ts';

/** No second of a run needs nearly as many callbacks: beyond that the loop spins. */
const CALLBACKS_A_SECOND_MAX = 5_000;

/** Something that must never happen has. */
export class Violation extends Error {}

/**
 * One host with its supervisors, from a seed. It watches everything that happens, in the kernel and in the supervisor,
 * and compares it with what users were promised.
 */
export class SimulatedHost {
  readonly moves: Random;
  readonly time: VirtualTime;
  readonly kernel: Kernel;
  readonly disk = new Disk();
  readonly paths: Paths;
  readonly faults: RandomFaults;
  readonly containment: 'cgroup' | 'session';
  life: Life | null = null;
  promises: Promises = new Map();
  /** How often what has happened: commands by their name, and what else a run is to come across. */
  readonly tally = new Map<string, number>();
  pending: Pending[] = [];
  gate: Gate;
  isDiskFull = false;
  /** Distance of the wall clock. */
  wallMs = Date.UTC(2026, 0, 1);
  /** Fleets whose directories somebody asked to delete, and whose strays to end. */
  readonly purged = new Set<string>();
  readonly doomed = new Set<string>();
  /** Until when notes of who runs where were lost: what an agent that is older was started as, nobody knows. */
  notesLostAt = Number.NEGATIVE_INFINITY;
  readonly #hostRandom: Random;
  readonly directory: string;
  /** Processes that were adopted, those included whose end the supervisor has not seen yet. */
  readonly #adopted = new Set<string>();
  readonly #trace: string[] = [];
  readonly #traceMax: number;
  #violation: Violation | null = null;
  /** The store of the supervisor that runs, or that begins. */
  #store: WantedStore | null = null;
  #processes: FakeProcesses | null = null;
  /** What the rounds under way were opened with, by fleet. */
  readonly #parallel = new Map<string, number>();

  /**
   * @param directory for the store; emptied first
   * @param containment null: drawn by the seed
   * @param traceMax so many of the last steps are kept
   */
  constructor(
    seed: number,
    directory: string,
    traceMax: number,
    containment: 'cgroup' | 'session' | null = null,
  ) {
    this.#traceMax = traceMax;
    this.moves = new Random(seed * 3);
    this.#hostRandom = new Random(seed * 3 + 1);
    const random = new Random(seed * 3 + 2);
    this.time = new VirtualTime(random);
    this.kernel = new Kernel(this.time, this.#hostRandom, {
      signalled: (process, signal) => this.#signalled(process, signal),
      ended: (process) => this.#ended(process),
      served: (process) => this.#processes?.served(process),
    });
    this.faults = new RandomFaults(this.#hostRandom, () => this.kernel);
    const drawn = this.#hostRandom.chance(0.7) ? 'cgroup' : 'session';
    this.containment = containment ?? drawn;
    this.directory = directory;
    this.paths = pathsIn(directory, `${directory}/run`);
    for (const fleet of ['f', 'g']) this.disk.install(programOf(fleet), `${fleet} 0`);
    this.gate = new Gate(() => {});
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(`${directory}/run`, { recursive: true });
  }

  trace(line: string): void {
    this.#trace.push(`${(this.time.now / 1000).toFixed(3).padStart(9)}  ${line}`);
    if (this.#trace.length > this.#traceMax) this.#trace.shift();
  }

  get steps(): string {
    return this.#trace.join('\n');
  }

  count(what: string): void {
    this.tally.set(what, (this.tally.get(what) ?? 0) + 1);
  }

  /** Notes that something is wrong; the run ends with it as soon as the code under test has returned. */
  fail(what: string): void {
    this.trace(`!! ${what}`);
    this.#violation ??= new Violation(what);
  }

  get fleets(): ReadonlyMap<string, FleetRunner> {
    return this.life?.supervisor.fleets ?? new Map();
  }

  /** A supervisor starts. @param crashAfter so many steps; it may die while it recovers */
  begin(crashAfter = Number.POSITIVE_INFINITY): void {
    this.count('supervisor');
    this.#parallel.clear();
    const { time, kernel, disk, faults, containment } = this;
    this.gate = new Gate((line) => this.trace(line));
    const { gate } = this;
    gate.crashAfter(crashAfter);
    gate.onPrepared = (name, slots) => this.#prepared(name, slots);
    this.trace(`── a supervisor starts, boot ${kernel.bootId}, containment ${containment}`);
    const world = {
      ...{ time, kernel, disk, faults, containment, gate, random: this.#hostRandom },
      wallMs: () => this.wallMs,
      stored: (store: WantedStore) => {
        this.#store = store;
      },
      starting: (key: string) => this.#starting(key),
      started: ({ pid, key, env }: Process) => {
        this.count('agent');
        this.trace(`  pid ${pid} starts in ${key}, ${env.V}`);
      },
      vacating: (key: string) => {
        if (this.kernel.inSlot(key).length > 0)
          this.fail(`slot ${key} is vacated, and something lives there`);
      },
      preparing: () => this.#noteLimits(),
      adopting: (process: Process, key: string) => this.#adopting(process, key),
      endingOther: ({ pid, key }: Process) => {
        if (key !== null) this.fail(`pid ${pid} is an agent in ${key}, and is ended as a stray`);
      },
      executing: (key: string, path: string) => {
        if (!this.disk.has(path)) this.fail(`slot ${key} is started from ${path}, which is gone`);
      },
      deleting: (path: string, was: string) => this.#deleting(path, was),
      opened: (processes: FakeProcesses) => {
        this.#processes = processes;
      },
    };
    this.life = new Life(world, this.directory, (what) => this.fail(what));
    if (!gate.isDead) this.#remembered();
    gate.isDiskFull = this.isDiskFull;
  }

  /** The supervisor is gone, with all that it had in memory. */
  bury(): void {
    this.time.forgetCallbacks();
    if (this.life?.bury()) this.loseNotes();
    this.life = null;
    this.#processes = null;
  }

  /** Who runs where is noted nowhere any more; restarts that were asked for may be forgotten with that. */
  loseNotes(): void {
    this.notesLostAt = this.time.now;
    this.promises = new Map(
      [...this.promises].map(([name, its]) => [name, { ...its, renewedAt: new Map() }]),
    );
  }

  /** A command is issued; whether it is acknowledged is seen later. */
  command(text: string, call: () => Promise<unknown>, effect: Effect, isAlone = false): void {
    const { life, gate } = this;
    if (this.pending.some((other) => isAlone || other.isAlone)) return;
    const pending: Pending = { text, effect, isAlone };
    this.pending.push(pending);
    this.trace(`> ${text}`);
    const answered = (what: string) => {
      this.trace(`< ${text}: ${what}`);
      this.pending = this.pending.filter((each) => each !== pending);
    };
    call().then(
      () => {
        if (this.life !== life || gate.isDead) return;
        answered('accepted');
        this.count(text.split(' ')[0]!);
        this.promises = effect(this.promises);
        this.#learn();
        this.#isWritten();
      },
      (error: Error) => {
        if (this.life !== life || gate.isDead) return;
        answered(error.message);
        // As the API does: what the host refuses is named, and only a defect is not.
        if (nameFailure(error) === null) this.fail(`${text} failed: ${error.stack}`);
      },
    );
  }

  /** Lets time pass; ends early where the supervisor dies. */
  async advance(ms: number): Promise<void> {
    const until = this.time.now + ms;
    let second = this.time.now;
    let callbacks = 0;
    // What was asked for a moment ago is under way before any time passes, also where nothing else is due.
    await settled();
    for (;;) {
      if (this.time.now - second > 1_000) [second, callbacks] = [this.time.now, 0];
      if (++callbacks > CALLBACKS_A_SECOND_MAX) this.fail('the loop spins');
      const called = await this.#callBack();
      if (this.#violation) throw this.#violation;
      if (this.gate.isDead) return;
      if (called) this.check();
      else if (!this.time.proceed(until)) return;
      if (this.#violation) throw this.#violation;
    }
  }

  /** What must hold after every step. */
  check(): void {
    this.#noteLimits();
    for (const [name, { fleet }] of this.fleets) {
      if (fleet.hold?.by === 'storm') this.count('moments held by the storm breaker');
      const limit = this.#parallel.get(name)!;
      const starting = fleet.counts.starting + fleet.counts.preparing - this.#adoptedStarting(name);
      if (starting > limit) this.fail(`${starting} agents of ${name} are starting, and ${limit} may be`);
      for (const { number, agent } of fleet.slots.values()) {
        const process = agent.state === 'ready' ? this.kernel.processes.get(agent.run.pid) : undefined;
        if (process?.key === `${name}/${number}` && !process.isContained)
          this.fail(`slot ${name}/${number} is ready, and what it forks could escape`);
      }
    }
    if (this.pending.length > 0) return;
    const wrong = difference(this.promises, this.fleets);
    if (wrong) this.fail(wrong);
  }

  async #callBack(): Promise<boolean> {
    try {
      return await this.time.callBack();
    } catch (error) {
      if (!(error instanceof Crash)) this.fail(`the supervisor ends of ${(error as Error).stack}`);
      return true;
    }
  }

  /** What only the supervisor could tell of what was just acknowledged is a promise from here on. */
  #learn(): void {
    if (this.pending.length > 0) return;
    this.promises = new Map(
      [...this.promises].map(([name, its]) => {
        const { fleet } = this.fleets.get(name)!;
        const { hold, rollout } = fleet.record;
        const wanted = its.growth > 0 ? fleet.wantedSlots() : its.wanted;
        return [
          name,
          {
            ...its,
            wanted,
            growth: 0,
            isHeld: its.isHeld ?? hold?.by === 'user',
            rolloutId: rollout?.id ?? 0,
          },
        ];
      }),
    );
  }

  /** After a crash: what was acknowledged is there, and what was under way is there or not, as a whole. */
  #remembered(): void {
    const possible = possibilities(this.promises, this.pending);
    this.pending = [];
    const found = possible.find((each) => difference(each, this.fleets) === null);
    if (found) this.promises = withoutNewRestarts(this.#grown(found), this.promises);
    else this.fail(`after a crash: ${difference(possible.at(-1)!, this.fleets)}`);
  }

  /** What was acknowledged is on disk, and not only in memory. */
  #isWritten(): void {
    const stored = new Map(this.life!.store.load().map((each) => [each.fleet.name, each]));
    for (const [name, runner] of this.fleets) {
      const on = stored.get(name);
      // A storm's hold, what alerts are to tell, and how far a reload is take effect on a full disk as well.
      const { hold: _, alerts: _1, reload: _2, ...record } = runner.fleet.record;
      const { hold: _3, alerts: _4, reload: _5, ...written } = on?.fleet ?? ({} as never);
      if (!isDeepStrictEqual(JSON.parse(JSON.stringify(record)), written))
        this.fail(`fleet ${name} is not on disk as it is in memory`);
      const slots = [...runner.fleet.slots.values()].filter((slot) => slot.wanted);
      for (const { number } of slots) {
        const its = on?.slots.find(({ slot }) => slot === number);
        if (!isDeepStrictEqual(its, slotRecord(runner.fleet, number)))
          this.fail(`slot ${number} of ${name} is not on disk as it is in memory`);
      }
    }
  }

  /** How many may be starting: what the spec says now, or what the round under way was opened with. */
  #noteLimits(): void {
    for (const [name, { fleet }] of this.fleets) {
      const { parallel } = fleet.spec.rounds;
      const before = this.#parallel.get(name) ?? fleet.rounds.size;
      this.#parallel.set(name, fleet.rounds.size === 0 ? parallel : Math.max(before, parallel));
    }
  }

  // ── what the kernel sees ──

  #starting(key: string): void {
    const [name = '', slot] = key.split('/');
    const there = this.kernel.inSlot(key);
    if (there.length > 0) this.fail(`slot ${key} is started twice: pid ${there[0]!.pid} lives there`);
    const possible = possibilities(this.promises, this.pending);
    const isGrowing = possible.some((each) => (each.get(name)?.growth ?? 0) > 0);
    const isAdopted = isGrowing && this.fleets.get(name)?.fleet.wantedSlots().has(Number(slot));
    if (!isAdopted && !possible.some((each) => each.get(name)?.wanted.has(Number(slot))))
      this.fail(`slot ${key} is started, and nobody wants it`);
    if (possible.every((each) => each.get(name)?.isHeld === true))
      this.fail(`slot ${key} is started, and its user holds the fleet`);
    this.#startsAtOnce(name);
  }

  /** The budget as the kernel sees it: no agent can be ready yet that is so young. */
  #startsAtOnce(name: string): void {
    const { now } = this.time;
    const young = [...this.kernel.processes.values()].filter(
      ({ kind, key, parent, isSignalled, startedAt }) =>
        kind === 'agent' &&
        key?.startsWith(`${name}/`) &&
        parent === this.#processes &&
        !isSignalled &&
        now - startedAt < READY_MS_MIN,
    );
    this.#noteLimits();
    const limit = this.#parallel.get(name)!;
    const wanted = young.filter(({ key }) => this.promises.get(name)?.wanted.has(Number(key!.split('/')[1])));
    if (wanted.length + 1 > limit)
      this.fail(`${wanted.length + 1} agents of ${name} are young, and ${limit} may be starting`);
  }

  /** A process is taken into a slot: it is a stray of this fleet, and the slot is empty and wanted. */
  #adopting(process: Process, key: string): void {
    const [name = '', slot] = key.split('/');
    const { pid, kind, uid, isOfOthers, program } = process;
    const isStray = kind === 'stray' && uid === 0 && !isOfOthers && program?.path === programOf(name);
    if (!isStray) this.fail(`pid ${pid} is adopted into ${key}, and is no stray of it: ${kind}`);
    const [main] = this.kernel.inSlot(key);
    if (main && main.pid !== process.parentPid)
      this.fail(`pid ${pid} is adopted into ${key}, which is taken`);
    const { fleet } = this.fleets.get(name)!;
    if (!fleet.wantedSlots().has(Number(slot)))
      this.fail(`pid ${pid} is adopted into ${key}, which nobody wants`);
    this.count('stray adopted');
    this.#adopted.add(identity(process));
    this.trace(`  pid ${pid} is adopted into ${key}`);
    process.env = { ...process.env, FLEET_RELEASE: fleet.slot(Number(slot)).release };
    // It counts as an agent that was restarted, however old it is.
    const its = this.promises.get(name);
    if (its) {
      const renewedAt = new Map([...its.renewedAt].filter(([each]) => each !== Number(slot)));
      this.promises = new Map([...this.promises, [name, { ...its, renewedAt }]]);
    }
  }

  /** Whether a process was adopted, however it goes on. */
  isAdopted(process: ProcessId): boolean {
    return this.#adopted.has(identity(process));
  }

  /** Agents that are starting by the planner's count, and ran before they were agents. */
  #adoptedStarting(name: string): number {
    const { slots } = this.fleets.get(name)!.fleet;
    return [...slots.values()].filter(
      ({ agent }) => agent.state === 'starting' && this.#adopted.has(identity(agent.run)),
    ).length;
  }

  /** After a crash: what an adoption that was under way has made of its fleet. */
  #grown(promises: Promises): Promises {
    return new Map(
      [...promises].map(([name, its]) => {
        const wanted = its.growth > 0 ? this.fleets.get(name)!.fleet.wantedSlots() : its.wanted;
        return [name, { ...its, wanted, growth: 0 }];
      }),
    );
  }

  /** A mark must not outlive what was prepared. */
  #prepared(name: string, slots: readonly number[]): void {
    for (const slot of slots)
      if (!this.disk.at(this.paths.slotDir(name, slot))?.isDurable)
        this.fail(`slot ${name}/${slot} is written to be prepared, and a power cut would take that away`);
  }

  /** Something is deleted for good: a release that nobody knows, or a fleet's directories because somebody asked. */
  #deleting(path: string, was: string): void {
    this.count('directory deleted');
    this.trace(`  ${path} is deleted`);
    if (!path.startsWith(`${this.paths.releases}/`)) {
      if (!this.purged.has(was)) this.fail(`${path} of fleet ${was} is deleted, and nobody asked for that`);
      const isKnown = this.#store?.load().some(({ fleet }) => fleet.name === was);
      if (isKnown) this.fail(`${path} is deleted, and fleet ${was} was not removed in the end`);
      return;
    }
    const knows = this.#store?.load().find(({ releases }) => releases.some(({ id }) => id === was));
    if (knows) this.fail(`release ${was} is deleted, and fleet ${knows.fleet.name} has it`);
  }

  #signalled({ pid, kind, key, program }: Process, signal: string): void {
    if (signal === 'SIGKILL') this.count(signal);
    this.trace(`  ${signal} to pid ${pid}, ${kind} of ${key}`);
    this.#noteLimits();
    if (kind === 'stranger') this.fail(`pid ${pid} is a stranger, and gets ${signal}`);
    if (kind === 'stray' && ![...this.doomed].some((fleet) => program?.path === programOf(fleet)))
      this.fail(`stray pid ${pid} gets ${signal}, and nobody asked for that`);
    if (kind === 'stray') this.count('stray signalled');
  }

  #ended(process: Process): void {
    const { pid, kind, key, exit } = process;
    if (kind !== 'helper') this.trace(`  pid ${pid} ends (${exit?.code ?? exit?.signal}), ${kind} of ${key}`);
    this.#processes?.ended(process);
  }
}

/** A restart that was under way was promised to nobody. */
function withoutNewRestarts(after: Promises, before: Promises): Promises {
  return new Map(
    [...after].map(([name, its]) => {
      const old = before.get(name)?.renewedAt ?? new Map<number, number>();
      return [name, { ...its, renewedAt: new Map([...old].filter(([slot]) => its.renewedAt.has(slot))) }];
    }),
  );
}

function identity({ pid, startTicks }: ProcessId): string {
  return `${pid}/${startTicks}`;
}
