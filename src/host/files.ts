import type { Aside } from './files/purge.ts';
import type { ReadsOthers } from './files/reader.ts';
import type { Owner, SlotPaths } from './files/slot-paths.ts';

/** A slot to vacate: its key, and its paths on the host. */
export interface VacatedSlot {
  key: string;
  paths: SlotPaths;
}

/** Slots' directories, logs, programs and releases on disk. */
export interface Files {
  /** Reads files and processes of others, which may hang. */
  readonly reader: ReadsOthers;
  readonly logs: LogFiles;

  /**
   * Makes a slot's directories and removes a stale socket, as start() does, for a helper that runs before it.
   * @throws FleetError if something is in the way
   */
  readySlot(paths: SlotPaths, owner: Owner): void;
  /**
   * Hands a slot's directories to its user if they belong to another one; next to the loop.
   * @returns null if nothing needs to change
   */
  handOver(paths: SlotPaths, owner: Owner): Promise<void> | null;
  /** Makes a slot's directory and the names in it survive a power cut; the content of files is up to their writers. */
  persistSlot(paths: SlotPaths): void;
  /** Removes everything that slots have on the host except their state directories. */
  vacate(slots: readonly VacatedSlot[]): void;

  /**
   * Finds the file that a command names: with a slash in it relative to `baseDir`, without one in `path`.
   * @param path directories, colon-separated
   * @param where the key of the spec, for the message
   * @throws FleetError EXECUTABLE_UNUSABLE if it does not exist, is not a file, or is not executable
   */
  findExecutable(command: string, baseDir: string, path: string, where: string): string;
  /**
   * The number in a file of an agent (`pidFile`): a regular file, read without following a link or waiting.
   * @param baseDir the directory of a relative path
   * @returns null if there is none, or it holds no number
   */
  readPid(path: string, baseDir: string): number | null;
  /** A file as `device:inode`; null if there is none, or it is not a regular file. */
  fileId(path: string): string | null;
  /**
   * Why this host cannot execute a program; null if no reason is known.
   * @param path the program, whose file system may hang
   * @param msMax the maximum time that this may take
   * @throws ReadProblem if it cannot be read
   */
  formatProblem(path: string, msMax: number): Promise<string | null>;
  /**
   * Moves a staged copy to its path, unless the path exists already: durable before it appears under its name.
   * @returns its path
   * @throws FleetError if the disk fails; then nothing is left of the staged copy
   */
  storeExecutable(staged: string, directory: string, name: string): string;
  /** Removes a file, if it exists. @throws FleetError if the disk fails */
  remove(path: string): void;

  /**
   * Sets directories aside at once, so that their paths are free while they are deleted.
   * @throws Error if one cannot be moved; then all are where they were
   */
  setDirectoriesAside(paths: readonly string[]): Aside;
  /** Deletes directories for good: they are moved away when this returns, and gone when the promise is kept. */
  discard(paths: readonly string[]): Promise<void>;
  /**
   * Completes what a killed supervisor had started: decided deletions are completed, others are undone.
   * @param parent the directory in which directories may have been set aside
   * @param isWanted whether the directory of this name must still exist
   */
  finishPurges(parent: string, isWanted: (name: string) => boolean): Promise<void>;
}

/** The logs of agents: anything else in the place of one is neither read nor cut. */
export interface LogFiles {
  /** A log's size in bytes; null if there is none. */
  size(path: string): number | null;
  /** The last bytes of a log, as text; only for small numbers. @throws ReadProblem */
  readEnd(path: string, bytes: number): string;
  /**
   * The last lines of a log and then, if requested, its additions, until `signal` aborts.
   * @throws ReadProblem if its path no longer holds a log
   */
  read(path: string, lines: number, follow: boolean, signal: AbortSignal): AsyncGenerator<Buffer>;
  /** Bounds a log to `maxBytes`: beyond half of it, the newest half moves to the older part. */
  bound(path: string, maxBytes: number): Promise<void>;
}
