import pLimit from 'p-limit';
import type { LogBounds, LogFiles, LogLook } from '../../host/host.ts';
import { inSlices } from '../shared/slices.ts';
import { after, every } from '../shared/timers.ts';
import type { FleetContext } from './context.ts';
import { type Fd, type Log, LogMender } from './log-mender.ts';

const SWEEP_MS = 1_000;
/** Every log is looked at once in this number of sweeps; one that grows fast, in every sweep. */
const SWEEPS_PER_CYCLE = 60;
/** A log that has grown by this share of its bound between two looks grows fast. */
const FAST_GROWTH = 1 / 16;
/** How soon a log that would fill its half within a sweep is looked at again. */
const HOT_MS = { min: 20, max: 1_000 } as const;
const RATE_HALVES_MS = 1_000;
/** Bounds the share of the loop's time: the next look waits for this multiple of what the last one took. */
const HOT_COST_FACTOR = 4;
/** How long a new agent counts as fast: what it writes at first says little. */
const YOUNG_MS = 5_000;
/** All logs are looked at when the file system has lost so much room: whatever wrote it may be an agent that was quiet. */
const SHRUNK_BYTES = 64 * 1024 * 1024;
/** The maximum number of logs, of all fleets together, that are cut at a time next to the loop. */
const CUTS_AT_ONCE_MAX = 2;

const cuts = pLimit(CUTS_AT_ONCE_MAX);

/**
 * Keeps the logs of a fleet within their bounds and in their places: the faster a log grows, the sooner it is looked at
 * again. LogMender mends what it finds.
 */
export class LogKeeper {
  readonly #context: FleetContext;
  readonly #files: LogFiles;
  readonly #onLook: (slot: number) => void;
  readonly #logs = new Map<string, Log>();
  /** Slots with a log that grows fast, and until when they count as such in any case. */
  readonly #fast = new Map<number, number>();
  readonly #mender: LogMender;
  readonly #hot = new Set<Log>();
  #isHot = false;
  #sweep = 0;
  #freeMost = 0;

  /** @param onLook called after each look at the logs of a slot */
  constructor(context: FleetContext, onLook: (slot: number) => void) {
    this.#context = context;
    this.#files = context.services.host.files.logs;
    this.#onLook = onLook;
    this.#mender = new LogMender(
      context,
      () => this.#bounds,
      (log, work) => this.#work(log, work),
    );
  }

  start(): void {
    // How much the agents have written while no supervisor ran is unknown.
    for (const slot of this.#context.fleet.slots.keys()) this.#fast.set(slot, 0);
    every(SWEEP_MS, this.#context.signal, () => this.#sweepDue(), this.#onProblem);
  }

  /** An agent is started: how much it writes is unknown, so its log is looked at in each of the next sweeps. */
  lookSoon(slot: number): void {
    this.#fast.set(slot, performance.now() + YOUNG_MS);
    if (this.#context.fleet.spec.logs.stderr === 'separate') this.keepErrors(slot);
    for (const log of this.#of(slot)) Object.assign(log, { deleted: null, id: null });
  }

  /** A slot has a log of stderr apart: its agent keeps it, even if the spec that follows has none. */
  keepErrors(slot: number): void {
    const { name, services } = this.#context;
    const path = services.paths.errorLog(name, slot);
    if (!this.#logs.has(path)) this.#keep({ slot, fd: 2, path });
  }

  readonly #onProblem = (error: Error): void => {
    this.#context.services.log.warn({ error: error.message }, 'cannot keep a log within its bounds');
  };

  get #bounds(): LogBounds {
    // A spec that an older fleetd has stored lacks `keep`.
    const { maxSizeBytes, keep = 1 } = this.#context.fleet.spec.logs;
    return { maxBytes: maxSizeBytes, keep };
  }

  async #sweepDue(): Promise<void> {
    const { fleet } = this.#context;
    this.#sweep = (this.#sweep + 1) % SWEEPS_PER_CYCLE;
    const due = new Set((this.#hasDiskShrunk() ? fleet.slots : this.#fast).keys());
    for (let slot = this.#sweep; slot <= fleet.highest; slot += SWEEPS_PER_CYCLE) due.add(slot);
    const slots = due.values();
    await inSlices(due.size, () => {
      const slot = slots.next().value!;
      this.#look(slot, slot % SWEEPS_PER_CYCLE === this.#sweep);
    });
  }

  /** Whether so much was written since all logs were looked at that a quiet one may have become a flood. */
  #hasDiskShrunk(): boolean {
    if (this.#logs.size === 0) return false;
    const { paths } = this.#context.services;
    const free = this.#files.freeBytes(paths.logs);
    if (free === null) return false;
    const hasShrunk = this.#freeMost - free > SHRUNK_BYTES;
    this.#freeMost = hasShrunk || this.#sweep === 0 ? free : Math.max(this.#freeMost, free);
    return hasShrunk;
  }

  /** @param isThorough whether what is missing is looked for as well */
  #look(slot: number, isThorough: boolean): void {
    if (!this.#context.fleet.slots.has(slot)) {
      this.#forget(slot);
      return;
    }
    let isFast = false;
    for (const fd of [1, 2] as const) isFast = this.#lookAt(slot, fd, isThorough) || isFast;
    const until = this.#fast.get(slot);
    if (isFast) this.#fast.set(slot, until ?? 0);
    else if (until !== undefined && until <= performance.now()) this.#fast.delete(slot);
    this.#onLook(slot);
  }

  /** @returns whether the log is to be looked at in the next sweep */
  #lookAt(slot: number, fd: Fd, isThorough: boolean): boolean {
    const { name, fleet, services } = this.#context;
    const path = services.paths[fd === 1 ? 'log' : 'errorLog'](name, slot);
    const known = this.#logs.get(path);
    if (!known && fd === 2) return false;
    const found = this.#files.look(path);
    if (!known && !found && fleet.spec.logs.to !== 'file') return false;
    const log = known ?? this.#keep({ slot, fd, path });
    const isFast = found !== null && this.#examine(log, found);
    if (!found) this.#hot.delete(log);
    if (log.deleted !== null) return this.#mender.fetchDeleted(log, log.deleted);
    // As long as the file that the agent was seen to write to is there, nobody has to be asked.
    const isLost = !found || found.id !== log.id;
    if (isLost && (isThorough || !found || log.id === null)) this.#mender.find(log, found);
    return isFast;
  }

  #keep(log: Pick<Log, 'slot' | 'fd' | 'path'>): Log {
    const kept: Log = {
      ...log,
      end: this.#files.fileBegin(log.path),
      at: performance.now(),
      emptied: this.#files.look(log.path)?.emptied ?? 0,
      rate: 0,
      id: null,
      examinedAt: Number.NEGATIVE_INFINITY,
      isSaved: false,
      deleted: null,
      isBusy: false,
    };
    this.#logs.set(log.path, kept);
    return kept;
  }

  #forget(slot: number): void {
    this.#fast.delete(slot);
    for (const log of this.#of(slot)) {
      this.#hot.delete(log);
      this.#logs.delete(log.path);
    }
  }

  #of(slot: number): Log[] {
    const { name, services } = this.#context;
    const paths = [services.paths.log(name, slot), services.paths.errorLog(name, slot)];
    return paths.flatMap((path) => this.#logs.get(path) ?? []);
  }

  /** Bounds and mends a log as it was found. @returns whether it is to be looked at in the next sweep */
  #examine(log: Log, { end, size, emptied, isSparse }: LogLook): boolean {
    const now = performance.now();
    const growth = end - log.end;
    const wasEmptied = emptied > log.emptied;
    const tookMs = Math.max(1, now - log.at);
    // A flood pauses while it is cut, and is still one.
    log.rate = Math.max(growth / tookMs, log.rate * 0.5 ** (tookMs / RATE_HALVES_MS));
    Object.assign(log, { end, at: now, emptied });
    const { maxBytes } = this.#bounds;
    if (wasEmptied || isSparse) this.#mender.openFiles(log, wasEmptied, now);
    if ((log.isSaved || isSparse) && size > 0)
      this.#work(log, () => this.#files.save(log.path, this.#bounds));
    else if (size > maxBytes / 2) this.#work(log, () => this.#files.bound(log.path, this.#bounds));
    if (log.rate * HOT_MS.max > maxBytes / 2) this.#heat(log);
    else this.#hot.delete(log);
    return growth > maxBytes * FAST_GROWTH || log.isSaved;
  }

  /** Works on a log next to the loop, one thing at a time. */
  #work(log: Log, work: () => Promise<unknown>): void {
    if (log.isBusy) return;
    log.isBusy = true;
    cuts(work)
      .catch(this.#onProblem)
      .finally(() => {
        log.isBusy = false;
        if (log.deleted !== null) this.#fast.set(log.slot, 0);
      });
  }

  // ── what grows faster than sweeps are ──

  #heat(log: Log): void {
    this.#hot.add(log);
    if (this.#isHot) return;
    this.#isHot = true;
    this.#lookHotAfter(HOT_MS.min);
  }

  #lookHotAfter(ms: number): void {
    after(ms, this.#context.signal, () => {
      const begun = performance.now();
      for (const slot of new Set([...this.#hot].map((log) => log.slot))) this.#look(slot, false);
      this.#isHot = this.#hot.size > 0;
      if (!this.#isHot) return;
      const fastest = Math.max(...[...this.#hot].map(({ rate }) => rate));
      const fullMs = this.#bounds.maxBytes / 2 / fastest;
      const tookMs = performance.now() - begun;
      this.#lookHotAfter(Math.max(HOT_MS.min, Math.min(HOT_MS.max, fullMs), tookMs * HOT_COST_FACTOR));
    });
  }
}
