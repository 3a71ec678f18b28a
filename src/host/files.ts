import type { Aside } from './files/purge.ts';
import type { ReadsOthers } from './files/reader.ts';
import type { Owner, SlotPaths } from './files/slot-paths.ts';

/** A slot that is given up: its key, and what it has on the host. */
export interface VacatedSlot {
  key: string;
  places: SlotPaths;
}

/** Slots' directories, logs, programs and releases on disk. */
export interface Files {
  /** Reads files and processes of others, which may hang. */
  readonly reader: ReadsOthers;
  readonly logs: LogFiles;

  /**
   * Makes a slot's directories and clears a stale socket, as start() does, for a helper that runs before it.
   * @throws FleetError where something is in the way
   */
  readySlot(places: SlotPaths, owner: Owner): void;
  /**
   * Gives a slot's directories, where they are another user's, to its user; beside the loop.
   * @returns null where nothing is to be done
   */
  handOver(places: SlotPaths, owner: Owner): Promise<void> | null;
  /** Makes a slot's directory, and the names in it, survive a power cut; what files hold is up to who wrote them. */
  persistSlot(places: SlotPaths): void;
  /** Takes away what slots have on the host beside their state directories. */
  vacate(slots: readonly VacatedSlot[]): void;

  /**
   * Finds the file that a command names: with a slash in it relative to `baseDir`, without one in `path`.
   * @param path directories, colon-separated
   * @param where the key of the spec, for the message
   * @throws FleetError EXECUTABLE_UNUSABLE where it is not there, is no file, or may not be executed
   */
  findExecutable(command: string, baseDir: string, path: string, where: string): string;
  /** A file as `device:inode`; null where there is none, or it is no regular file. */
  fileId(path: string): string | null;
  /**
   * Why this host cannot execute a program; null where nothing speaks against it.
   * @param path where it is; its file system may hang
   * @param msMax how long that may take
   * @throws ReadProblem where it cannot be read
   */
  formatProblem(path: string, msMax: number): Promise<string | null>;
  /**
   * Gives a staged copy its place, unless it is there already: durable before it appears under its name.
   * @returns its path
   * @throws FleetError where the disk does not take it; nothing is left of the staged copy then
   */
  storeExecutable(staged: string, directory: string, name: string): string;
  /** Removes a file, if it is there. @throws FleetError where the disk does not let it go */
  remove(path: string): void;

  /**
   * Sets directories aside at once, so that their places are free while they are deleted.
   * @throws Error where one cannot be moved; all are where they were then
   */
  setDirectoriesAside(paths: readonly string[]): Aside;
  /** Deletes directories for good: they are out of their places when this returns, and gone when the promise is kept. */
  discard(paths: readonly string[]): Promise<void>;
  /**
   * Finishes what a supervisor that was killed had begun: what was decided is deleted, what was not comes back.
   * @param parent where directories may have been set aside
   * @param isWanted whether what had this name is still to be there
   */
  finishPurges(parent: string, isWanted: (name: string) => boolean): Promise<void>;
}

/** What agents write: nothing in its place that is no log is read or cut. */
export interface LogFiles {
  /** A log's size in bytes; null where there is none. */
  size(path: string): number | null;
  /** The last bytes of a log, as text; for a few of them. @throws ReadProblem */
  readEnd(path: string, bytes: number): string;
  /**
   * The last lines of a log, and then, if asked to, what is added to it, until `signal` aborts.
   * @throws ReadProblem where something else than a log has come in its place
   */
  read(path: string, lines: number, follow: boolean, signal: AbortSignal): AsyncGenerator<Buffer>;
  /** Keeps a log within `maxBytes`: beyond half of it, the newest half moves to the older part. */
  bound(path: string, maxBytes: number): Promise<void>;
}
