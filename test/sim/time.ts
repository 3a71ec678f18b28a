import type { Random } from './random.ts';

/** What the loop calls back when it is due. */
interface Task {
  at: number;
  order: number;
  run: () => void;
  /** Of an interval. */
  everyMs: number | null;
  /** As Node gives them back. */
  unref(): Task;
  ref(): Task;
}

const realSetImmediate = globalThis.setImmediate;
const GLOBALS = [
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'setImmediate',
  'clearImmediate',
] as const;
/** What a look at the clock costs at most: time passes while code runs, or two looks could never differ. */
const LOOK_MS_MAX = 0.05;
/** Now and then the process is kept from running for a while: others' turn, a page to be read, garbage. */
const STALL = { chance: 0.02, msMax: 5 } as const;
/**
 * Node's timers count whole milliseconds from the last time the loop looked at the clock, so that they may fire almost
 * one early by performance.now() (lib/internal/timers.js), and any time late.
 */
const TIMER_ERROR_MS = { min: -0.9, max: 3 } as const;

/**
 * Virtual time: it owns the clock, every timer of the code under test, and the order in which the loop calls back what
 * is due. Nothing sleeps, and the same seed gives the same order.
 */
export class VirtualTime {
  readonly #random: Random;
  readonly #saved = new Map<string, unknown>();
  readonly #events: Task[] = [];
  #timers = new Set<Task>();
  #immediates: Task[] = [];
  #arrivals: (() => void)[] = [];
  #order = 0;
  #now = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Milliseconds since the beginning of the run; to look takes no time. */
  get now(): number {
    return this.#now;
  }

  /** The clock as the code under test reads it. */
  look(): number {
    this.pass(this.#random.next() * (this.#random.chance(STALL.chance) ? STALL.msMax : LOOK_MS_MAX));
    return this.#now;
  }

  /** Takes the place of the globals, until restore(). */
  install(): void {
    const later = (run: () => void, ms: number, everyMs: number | null) => {
      const wait = Math.max(1, ms) + this.#random.between(TIMER_ERROR_MS.min, TIMER_ERROR_MS.max);
      const task = this.#task(run, this.#now + wait, everyMs);
      this.#timers.add(task);
      return task;
    };
    const clear = (task: Task | undefined) => void this.#timers.delete(task!);
    const replacements: Record<(typeof GLOBALS)[number], unknown> = {
      setTimeout: (run: () => void, ms = 1) => later(run, ms, null),
      setInterval: (run: () => void, ms = 1) => later(run, ms, ms),
      clearTimeout: clear,
      clearInterval: clear,
      setImmediate: (run: () => void) => {
        const task = this.#task(run, this.#now, null);
        this.#immediates.push(task);
        return task;
      },
      clearImmediate: (task: Task) => {
        this.#immediates = this.#immediates.filter((each) => each !== task);
      },
    };
    for (const name of GLOBALS) {
      this.#saved.set(name, globalThis[name]);
      Object.assign(globalThis, { [name]: replacements[name] });
    }
    performance.now = () => this.look();
  }

  restore(): void {
    Object.assign(globalThis, Object.fromEntries(this.#saved));
    Reflect.deleteProperty(performance, 'now');
  }

  /** Something happens in the world after so long, whatever code runs then. */
  after(ms: number, run: () => void): void {
    const task = this.#task(run, this.#now + ms, null);
    const later = this.#events.findLastIndex((each) => each.at <= task.at);
    this.#events.splice(later + 1, 0, task);
  }

  /** Something has happened that the loop is to hear of (a descriptor became readable). */
  arrive(run: () => void): void {
    this.#arrivals.push(run);
  }

  /** Time passes while code runs: what happens in the world meanwhile happens, but nobody is called back. */
  pass(ms: number): void {
    const until = this.#now + ms;
    for (let next = this.#events[0]; next && next.at <= until; next = this.#events[0]) {
      this.#events.shift();
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = until;
  }

  /** The process is gone, and with it whatever it waited for. */
  forgetCallbacks(): void {
    this.#timers = new Set();
    this.#immediates = [];
    this.#arrivals = [];
  }

  /** Calls back one thing that is due, in any order that the real loop could have. @returns false where nothing is */
  async callBack(): Promise<boolean> {
    const timer = this.#dueTimer();
    const candidates = [
      ...(this.#arrivals.length > 0 ? [() => this.#arrivals.shift()!] : []),
      ...(this.#immediates.length > 0 ? [() => this.#immediates.shift()!.run] : []),
      ...(timer ? [() => this.#fire(timer)] : []),
    ];
    if (candidates.length === 0) return false;
    this.#random.pick(candidates)()();
    await settled();
    return true;
  }

  /** Lets time pass until the next thing that happens or is due, but not beyond `until`. @returns false where it got there */
  proceed(until: number): boolean {
    let next = this.#events[0]?.at ?? Number.POSITIVE_INFINITY;
    for (const { at } of this.#timers) next = Math.min(next, at);
    this.pass(Math.max(0, Math.min(next, until) - this.#now));
    return next <= until;
  }

  #dueTimer(): Task | null {
    let first: Task | null = null;
    for (const task of this.#timers) {
      if (task.at > this.#now) continue;
      if (!first || task.at < first.at || (task.at === first.at && task.order < first.order)) first = task;
    }
    return first;
  }

  #fire(task: Task): () => void {
    if (task.everyMs === null) this.#timers.delete(task);
    else task.at = this.#now + task.everyMs;
    return task.run;
  }

  #task(run: () => void, at: number, everyMs: number | null): Task {
    const task: Task = { at, order: this.#order++, run, everyMs, unref: () => task, ref: () => task };
    return task;
  }
}

/** Resolves when every promise that could settle has. */
export function settled(): Promise<void> {
  return new Promise((resolve) => realSetImmediate(resolve));
}
