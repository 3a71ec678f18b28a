import { lstatSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { boundLog, type LogBounds, saveLog, setLogAside } from './log-bound.ts';
import {
  fetchOutput,
  findOutput,
  idOfOutput,
  makeAppending,
  type SoughtLog,
  type Whereabouts,
} from './log-mend.ts';
import { type Cuts, isSparse, type LogLook, NO_CUTS, seen } from './log-parts.ts';
import { continueAt, findLastLines, readEnd, readLog, readRange } from './log-read.ts';
import type { Owner } from './slot-paths.ts';

const OWN_UID = process.getuid!();

/** The logs of agents on Linux; it remembers what was cut from each, so that positions stay what they are. */
export class Logs {
  readonly #cuts = new Map<string, Cuts>();

  readonly continueAt = continueAt;
  readonly fetchDeleted = fetchOutput;
  readonly makeAppending = makeAppending;
  readonly writtenBy = idOfOutput;

  look(path: string): LogLook | null {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (!found) return null;
    const { size, mtimeMs, dev, ino } = found;
    const cuts = this.#cutsOf(path);
    seen(cuts, size, mtimeMs);
    return {
      end: cuts.moved + size,
      size,
      emptied: cuts.emptied,
      isSparse: isSparse(found),
      id: `${dev}:${ino}`,
    };
  }

  fileBegin(path: string): number {
    return this.#cuts.get(path)?.moved ?? 0;
  }

  lastEnd(path: string): number {
    const { moved, size } = this.#cuts.get(path) ?? NO_CUTS;
    return moved + size;
  }

  freeBytes(directory: string): number | null {
    try {
      const { bavail, bsize } = statfsSync(directory);
      return bavail * bsize;
    } catch {
      return null;
    }
  }

  begin(path: string, owner: Owner, keep: number): number {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (!found) return this.fileBegin(path);
    const cuts = this.#cutsOf(path);
    seen(cuts, found.size, found.mtimeMs);
    // Logs of an older fleetd belong to the supervisor's user.
    const isOwn = found.uid === OWN_UID || found.uid === owner?.uid;
    if (found.isFile() && (!isOwn || found.nlink > 1)) setLogAside(path, found.size, keep, cuts);
    return cuts.moved + cuts.size;
  }

  readEnd(path: string, range: { from: number; to: number | null; bytes: number }): string {
    return readEnd(path, range, this.#cutsOf(path));
  }

  read(path: string, lines: number, follow: boolean, signal: AbortSignal): AsyncGenerator<Buffer> {
    return readLog(path, lines, follow, signal, this.#cutsOf(path));
  }

  lastLines(path: string, count: number): Promise<{ from: number; to: number; omitted: number }> {
    return findLastLines(path, count, this.#cutsOf(path));
  }

  readRange(path: string, from: number, to: number): AsyncGenerator<Buffer> {
    return readRange(path, from, to, this.#cutsOf(path));
  }

  bound(path: string, bounds: LogBounds): Promise<void> {
    return boundLog(path, bounds, this.#cutsOf(path));
  }

  save(path: string, bounds: LogBounds): Promise<void> {
    return saveLog(path, bounds, this.#cutsOf(path));
  }

  find(pid: number, fd: 1 | 2, sought: SoughtLog): Promise<Whereabouts> {
    return findOutput(pid, fd, sought, this.#cutsOf(sought.path));
  }

  forget(directory: string): void {
    for (const path of this.#cuts.keys()) if (dirname(path) === directory) this.#cuts.delete(path);
  }

  #cutsOf(path: string): Cuts {
    const known = this.#cuts.get(path);
    if (known) return known;
    const cuts = { ...NO_CUTS };
    this.#cuts.set(path, cuts);
    return cuts;
  }
}
