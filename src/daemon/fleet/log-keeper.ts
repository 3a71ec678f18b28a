import pLimit from 'p-limit';
import { runOf } from '../../fleet/agent.ts';
import type { LogBounds, LogFiles, LogLook } from '../../host/host.ts';
import { inSlices } from '../shared/slices.ts';
import { after, every } from '../shared/timers.ts';
import type { FleetContext } from './context.ts';

const SWEEP_MS = 1_000;
/** Every log is looked at once in this number of sweeps; one that grows fast, in every sweep. */
const SWEEPS_PER_CYCLE = 60;
/** A log that has grown by this share of its bound between two looks grows fast. */
const FAST_GROWTH = 1 / 16;
/** How soon a log that would fill its half within a sweep is looked at again. */
const HOT_MS = { min: 20, max: 1_000 } as const;
/** Bounds the share of the loop's time: the next look waits for this multiple of what the last one took. */
const HOT_COST_FACTOR = 4;
/** All logs are looked at when the file system has lost so much room: whatever wrote it may be an agent that was quiet. */
const SHRUNK_BYTES = 64 * 1024 * 1024;
/** What an agent has open is looked through at most once in this time. */
const EXAMINE_MS_MIN = 60_000;
/** The maximum number of logs, of all fleets together, that are cut at a time next to the loop. */
const CUTS_AT_ONCE_MAX = 2;

const cuts = pLimit(CUTS_AT_ONCE_MAX);

type Fd = 1 | 2;

/** One log, and what was last seen of it. */
interface Log {
  readonly slot: number;
  readonly fd: Fd;
  readonly path: string;
  end: number;
  at: number;
  emptied: number;
  /** Bytes per millisecond between the last two looks. */
  rate: number;
  /** The file that the agent was last seen to write to. */
  id: string | null;
  examinedAt: number;
  /** Its agent empties it, so what it writes is saved in every sweep. */
  isSaved: boolean;
  /** The deleted file that its agent writes to. */
  deleted: string | null;
  /** It is being cut or mended. */
  isBusy: boolean;
}

/**
 * Keeps the logs of a fleet within their bounds and in their places: the sooner a log is looked at again, the faster it
 * grows. What an agent does to its log (it empties it, overwrites it) or others do (they move it, delete it) is mended as
 * far as the kernel allows, and reported once.
 */
export class LogKeeper {
  readonly #context: FleetContext;
  readonly #files: LogFiles;
  readonly #onLook: (slot: number) => void;
  readonly #logs = new Map<string, Log>();
  readonly #fast = new Set<number>();
  readonly #hot = new Set<Log>();
  readonly #told = new Set<string>();
  #isHot = false;
  #sweep = 0;
  #freeMost = 0;

  /** @param onLook called after each look at the logs of a slot */
  constructor(context: FleetContext, onLook: (slot: number) => void) {
    this.#context = context;
    this.#files = context.services.host.files.logs;
    this.#onLook = onLook;
  }

  start(): void {
    // How much the agents have written while no supervisor ran is unknown.
    for (const slot of this.#context.fleet.slots.keys()) this.#fast.add(slot);
    every(SWEEP_MS, this.#context.signal, () => this.#sweepDue(), this.#onProblem);
  }

  /** An agent is started: how much it writes is unknown, so its log is looked at in the next sweep. */
  lookSoon(slot: number): void {
    this.#fast.add(slot);
    for (const log of this.#of(slot)) log.deleted = null;
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
    const due = new Set(this.#hasDiskShrunk() ? fleet.slots.keys() : this.#fast);
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
    const free = this.#files.freeBytes(paths.logs) ?? 0;
    const hasShrunk = this.#freeMost - free > SHRUNK_BYTES;
    this.#freeMost = hasShrunk || this.#sweep === 0 ? free : Math.max(this.#freeMost, free);
    return hasShrunk;
  }

  /** @param isThorough whether what is missing is looked for as well */
  #look(slot: number, isThorough: boolean): void {
    const { fleet, name, services } = this.#context;
    if (!fleet.slots.has(slot)) {
      this.#forget(slot);
      return;
    }
    let isFast = false;
    for (const fd of [1, 2] as const) {
      const path = services.paths[fd === 1 ? 'log' : 'errorLog'](name, slot);
      // Even if the spec has no log: an agent keeps the one that it was started with.
      const log = this.#logs.get(path);
      if (!log && fd === 2 && !isThorough && fleet.spec.logs.stderr !== 'separate') continue;
      const found = this.#files.look(path);
      if (found) isFast = this.#examine(log ?? this.#keep({ slot, fd, path }), found) || isFast;
      else if (log) this.#hot.delete(log);
      if (log && log.deleted !== null) isFast = this.#fetch(log, log.deleted) || isFast;
      else if (isThorough && (log || fd === 1)) this.#find(log ?? this.#keep({ slot, fd, path }), found);
    }
    if (isFast) this.#fast.add(slot);
    else this.#fast.delete(slot);
    this.#onLook(slot);
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
    log.rate = growth / Math.max(1, now - log.at);
    Object.assign(log, { end, at: now, emptied });
    const { maxBytes } = this.#bounds;
    if (wasEmptied || isSparse) this.#mendOpenFiles(log, wasEmptied, now);
    if ((log.isSaved || isSparse) && size > 0) this.#work(log, () => this.#files.save(log.path, this.#bounds));
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

  // ── mending ──

  /** A log was emptied or overwritten: whatever its agent has open of it appends from now on. */
  #mendOpenFiles(log: Log, wasEmptied: boolean, now: number): void {
    const run = runOf(this.#context.fleet.slot(log.slot).agent);
    if (!run || now - log.examinedAt < EXAMINE_MS_MIN) return;
    log.examinedAt = now;
    const changed = this.#files.makeAppending(run.pid, log.path);
    if (changed !== null && changed > 0) {
      this.#tell(log, 'overwrites', 'it has opened its log (as /dev/stdout, say) without O_APPEND; fleetd made it append');
      return;
    }
    if (!wasEmptied && changed !== null) return;
    log.isSaved = true;
    const what = wasEmptied
      ? 'its log was emptied, by others or by itself (> /dev/stderr, say, where >> appends)'
      : 'it writes to its log without O_APPEND, and the kernel lets nobody change that';
    this.#tell(log, 'empties', `${what}; what it writes is saved every second`);
  }

  /** Looks for the file that an agent writes to, in case that it has lost its name. */
  #find(log: Log, found: LogLook | null): void {
    const run = runOf(this.#context.fleet.slot(log.slot).agent);
    if (!run) return;
    this.#work(log, async () => {
      const sought = { path: log.path, known: log.id, bytesMax: this.#bounds.maxBytes };
      const its = await this.#files.find(run.pid, log.fd, sought);
      switch (its.kind) {
        case 'elsewhere':
          return;
        case 'here':
          log.id = found?.id ?? null;
          return;
        case 'back':
          this.#tell(
            log,
            'moved',
            its.isCopied
              ? `its log was moved to ${its.from} while it wrote: that is a copy now, and the log is in its place again`
              : `its log was moved to ${its.from} while it wrote: that is a second name of it now`,
          );
          return;
        case 'blocked':
          this.#tell(
            log,
            'blocked',
            `it writes to ${its.name}, because its log was moved there; it gets its place back when ${log.path} is moved away`,
          );
          return;
        case 'deleted':
          log.deleted = its.id;
          this.#fast.add(log.slot);
          this.#tell(
            log,
            'deleted',
            'its log was deleted while it wrote: what it goes on writing is fetched every second, until it is restarted',
          );
      }
    });
  }

  /** Fetches what an agent has written to its deleted log. @returns whether to do that again */
  #fetch(log: Log, id: string): boolean {
    const run = runOf(this.#context.fleet.slot(log.slot).agent);
    if (!run) log.deleted = null;
    else
      this.#work(log, async () => {
        const bytesMax = this.#bounds.maxBytes / 2;
        const isThere = await this.#files.fetch(run.pid, log.fd, { id, path: log.path, bytesMax });
        if (!isThere && log.deleted === id) log.deleted = null;
        await this.#files.bound(log.path, this.#bounds);
      });
    return log.deleted !== null;
  }

  #tell({ slot, fd }: Log, what: string, reason: string): void {
    const key = `${slot} ${fd} ${what}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#context.services.journal.slot('output', this.#context.name, slot, reason);
  }
}
