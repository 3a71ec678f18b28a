import type { ProcessId } from '../../src/fleet/agent.ts';
import type { ExitStatus } from '../../src/fleet/exit.ts';
import type { Random } from './random.ts';
import type { VirtualTime } from './time.ts';

/** How an agent behaves from its start to its end. */
export interface Nature {
  /** It serves so long after its start; null: never. */
  readyMs: number | null;
  /** It ends by itself so long after its start; null: never. */
  lifeMs: number | null;
  exit: ExitStatus;
  /** It ends so long after its stop signal; null: it ignores that. */
  stopMs: number | null;
  /** It forks a process that outlives it. */
  forks: boolean;
  /** So much it writes to its log, again and again. */
  logBytes: number;
}

/** An agent serves no sooner than so after its start. */
export const READY_MS_MIN = 60;
export const WELL_BEHAVED: Nature = {
  readyMs: READY_MS_MIN,
  lifeMs: null,
  exit: { code: 0, signal: null },
  stopMs: 20,
  forks: false,
  logBytes: 40,
};

export interface Process extends ProcessId {
  /** A guard is bubblewrap: an agent in a sandbox is its child. A stray looks like an agent, and was started by hand; a stranger is nobody's business. */
  kind: 'agent' | 'guard' | 'worker' | 'helper' | 'stray' | 'stranger';
  /** The slot that it lives in; null for strangers and helpers. */
  key: string | null;
  env: Readonly<Record<string, string>>;
  nature: Nature;
  /** What it executes, and its words; null for those that nobody looks at. */
  program: { file: string; path: string } | null;
  argv: readonly string[];
  uid: number;
  parentPid: number;
  /** Another supervisor runs it. */
  isOfOthers: boolean;
  /** By the clock of the run. */
  startedAt: number;
  /** Its launcher has come to where nothing that it forks can escape. */
  isContained: boolean;
  /** Why its launcher ended without becoming an agent. */
  failure?: Error;
  isReady: boolean;
  isSignalled: boolean;
  /** The supervisor that started it is its parent, and the only one to learn how it ended. */
  parent: object | null;
  exit: ExitStatus | null;
}

/** What a new process is. */
export type Birth = Pick<Process, 'kind' | 'key' | 'env' | 'nature' | 'parent'> &
  Partial<Pick<Process, 'program' | 'argv' | 'uid' | 'parentPid' | 'isOfOthers'>>;

/** What the world wants to see of everything that happens to processes. */
export interface Witness {
  signalled(process: Process, signal: string): void;
  ended(process: Process): void;
  served(process: Process): void;
}

const MS_PER_TICK = 10;
/** So few that a number is used again as soon as its process has ended. */
const PIDS_MAX = 80;
/** So many of the agents that are to be reloaded end instead. */
const BROKEN_SHARE = 0.05;
/** SIGKILL takes effect in its own time. */
const KILL_MS_MAX = 8;

/** An imaginary kernel: processes, their numbers, the slots that they live in, and who serves. */
export class Kernel {
  bootId = 'boot-0';
  readonly processes = new Map<number, Process>();
  /** Slots that have a runtime directory. */
  readonly places = new Set<string>();
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #witness: Witness;
  /** When each number was last given away, in ticks. */
  readonly #givenAt = new Map<number, number>();
  #boots = 0;
  #bootedAt: number;

  constructor(time: VirtualTime, random: Random, witness: Witness) {
    this.#time = time;
    this.#random = random;
    this.#witness = witness;
    this.#bootedAt = time.now - 100_000;
  }

  /** Milliseconds since boot at a time of the run. */
  sinceBoot(at: number): number {
    return at - this.#bootedAt;
  }

  /** Whether this very process still runs. */
  isAlive(process: Process): boolean {
    return this.processes.get(process.pid) === process;
  }

  /** The process of this identity. */
  find({ pid, startTicks }: ProcessId): Process | null {
    const process = this.processes.get(pid);
    return process?.startTicks === startTicks ? process : null;
  }

  /** Everything that lives in a slot, its agents first. */
  inSlot(key: string): Process[] {
    return [...this.processes.values()]
      .filter((process) => process.key === key)
      .sort((a, b) => Number(b.kind === 'agent') - Number(a.kind === 'agent') || a.startTicks - b.startTicks);
  }

  /** @param pid a number that must be taken, where it is free */
  fork(of: Birth, pid = this.#freePid()): Process {
    const startTicks = this.#ticks();
    this.#givenAt.set(pid, startTicks);
    const startedAt = this.#time.now;
    const process: Process = {
      program: null,
      argv: [],
      uid: 0,
      parentPid: 1,
      isOfOthers: false,
      ...of,
      pid,
      startTicks,
      startedAt,
      isContained: false,
      isReady: false,
      isSignalled: false,
      exit: null,
    };
    this.processes.set(pid, process);
    if (process.key !== null) this.places.add(process.key);
    const { readyMs, lifeMs, exit, forks } = process.nature;
    if (readyMs !== null) this.#whileAlive(process, readyMs, () => this.#serve(process));
    if (lifeMs !== null) this.#whileAlive(process, lifeMs, () => this.end(process, exit));
    if (forks)
      this.#whileAlive(process, READY_MS_MIN, () => {
        const nature = { ...WELL_BEHAVED, readyMs: null, stopMs: null };
        const kind = process.kind === 'stray' ? 'stray' : 'worker';
        this.fork({ ...of, kind, key: process.key, nature, parentPid: process.pid }).isContained =
          process.isContained;
      });
    return process;
  }

  /** Whether a number is free, and was last given to nobody within this tick: pids come round slower than that. */
  isFree(pid: number): boolean {
    return !this.processes.has(pid) && this.#givenAt.get(pid) !== this.#ticks();
  }

  signal(process: Process, signal: string): void {
    this.#witness.signalled(process, signal);
    if (signal === 'SIGHUP') {
      // It reads its configuration again, and may find that this is broken.
      if (this.#random.chance(BROKEN_SHARE)) this.end(process, { code: 1, signal: null });
      return;
    }
    process.isSignalled = true;
    const { stopMs } = process.nature;
    if (signal === 'SIGKILL') {
      const kill = () => this.end(process, { code: null, signal: 'SIGKILL' });
      this.#whileAlive(process, this.#random.between(0, KILL_MS_MAX), kill);
    } else if (stopMs !== null) {
      this.#whileAlive(process, stopMs, () => this.end(process, { code: 0, signal: null }));
    }
  }

  end(process: Process, exit: ExitStatus): void {
    if (!this.isAlive(process)) return;
    this.processes.delete(process.pid);
    process.exit = exit;
    this.#endAround(process, exit);
    this.#witness.ended(process);
  }

  /** A guard ends as the agent has; an agent that has lost its guard has a parent that tells nobody how it ended. */
  #endAround(process: Process, exit: ExitStatus): void {
    if (process.kind === 'guard')
      for (const each of this.processes.values()) if (each.parentPid === process.pid) each.parent = null;
    const parent = this.processes.get(process.parentPid);
    if (process.kind === 'agent' && parent?.kind === 'guard') this.end(parent, exit);
  }

  /** The power goes and comes back: no process, no runtime directory, and the clock begins anew. */
  reboot(): void {
    this.processes.clear();
    this.#givenAt.clear();
    this.places.clear();
    this.bootId = `boot-${++this.#boots}`;
    this.#bootedAt = this.#time.now - this.#random.between(5_000, 30_000);
  }

  /** It serves, says so, and goes on saying so where it was asked to (sd_watchdog_enabled(3)). */
  #serve(process: Process): void {
    process.isReady = true;
    this.#witness.served(process);
    const everyMs = Number(process.env.WATCHDOG_USEC ?? 0) / 1_000;
    if (everyMs > 0) this.#whileAlive(process, everyMs / 2, () => this.#serve(process));
  }

  #ticks(): number {
    return Math.floor(this.sinceBoot(this.#time.now) / MS_PER_TICK);
  }

  #whileAlive(process: Process, ms: number, run: () => void): void {
    this.#time.after(ms, () => {
      if (this.isAlive(process)) run();
    });
  }

  #freePid(): number {
    const first = this.#random.below(PIDS_MAX);
    for (let i = 0; i < PIDS_MAX; i++) {
      const pid = 2 + ((first + i) % PIDS_MAX);
      if (this.isFree(pid)) return pid;
    }
    throw new Error('the imaginary host has run out of pids');
  }
}
