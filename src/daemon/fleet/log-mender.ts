import { runOf } from '../../fleet/agent.ts';
import type { LogBounds, LogFiles, LogLook } from '../../host/host.ts';
import type { FleetContext } from './context.ts';

/** What an agent has open is looked through at most once in this time. */
const EXAMINE_MS_MIN = 60_000;

export type Fd = 1 | 2;

/** One log, and what was last seen of it. */
export interface Log {
  readonly slot: number;
  readonly fd: Fd;
  readonly path: string;
  end: number;
  at: number;
  emptied: number;
  /** Bytes per millisecond: as fast as between the last two looks, or half of what it was a second ago. */
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

/** Works on a log next to the loop, one thing at a time. */
type Work = (log: Log, work: () => Promise<unknown>) => void;

/**
 * Mends what an agent does to its log (it empties it, overwrites it) or others do (they move it, delete it), as far as the
 * kernel allows, and reports it once.
 */
export class LogMender {
  readonly #context: FleetContext;
  readonly #files: LogFiles;
  readonly #bounds: () => LogBounds;
  readonly #work: Work;
  readonly #told = new Set<string>();

  constructor(context: FleetContext, bounds: () => LogBounds, work: Work) {
    this.#context = context;
    this.#files = context.services.host.files.logs;
    this.#bounds = bounds;
    this.#work = work;
  }

  /** A log was emptied or overwritten: whatever its agent has open of it appends from now on. */
  openFiles(log: Log, wasEmptied: boolean, now: number): void {
    const run = runOf(this.#context.fleet.slot(log.slot).agent);
    if (!run || now - log.examinedAt < EXAMINE_MS_MIN) return;
    log.examinedAt = now;
    const changed = this.#files.makeAppending(run.pid, log.path);
    if (changed !== null && changed > 0) {
      this.#tell(
        log,
        'overwrites',
        'it has opened its log (as /dev/stdout, say) without O_APPEND; fleetd made it append',
      );
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
  find(log: Log, found: LogLook | null): void {
    const run = runOf(this.#context.fleet.slot(log.slot).agent);
    if (!run) return;
    const id = this.#files.writtenBy(run.pid, log.fd);
    if (id === null) return;
    if (id === found?.id) {
      log.id = id;
      return;
    }
    this.#work(log, async () => {
      const sought = { path: log.path, known: log.id, bytesMax: this.#bounds().maxBytes };
      const its = await this.#files.find(run.pid, log.fd, sought);
      switch (its.kind) {
        case 'elsewhere':
        case 'here':
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
          this.#tell(
            log,
            'deleted',
            'its log was deleted while it wrote: what it goes on writing is fetched every second, until it is restarted',
          );
      }
    });
  }

  /** Fetches what an agent has written to its deleted log. @returns whether to do that again */
  fetchDeleted(log: Log, id: string): boolean {
    const run = runOf(this.#context.fleet.slot(log.slot).agent);
    if (!run) log.deleted = null;
    else
      this.#work(log, async () => {
        const bytesMax = this.#bounds().maxBytes / 2;
        const isThere = await this.#files.fetchDeleted(run.pid, log.fd, { id, path: log.path, bytesMax });
        if (!isThere && log.deleted === id) log.deleted = null;
        await this.#files.bound(log.path, this.#bounds());
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
