import type { LogBounds } from './files/log-bound.ts';
import type { SoughtLog, Whereabouts } from './files/log-mend.ts';
import type { LogLook } from './files/log-parts.ts';
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
  /** Whether a path leads to a directory. */
  isDirectory(path: string): boolean;
  /** A path with its symbolic links followed; null if it leads nowhere, or may not be followed. */
  realPath(path: string): string | null;
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

/**
 * The logs of agents: anything else in the place of one is neither read nor cut. Positions in a log count from the first
 * byte that this supervisor knows of, older parts included, so that a cut changes none of them.
 */
export interface LogFiles {
  /** What is at a log's path; null if there is nothing. */
  look(path: string): LogLook | null;
  /** Where the file of a log begins: what lies before it is in older parts. */
  fileBegin(path: string): number;
  /** Where a log ended when it was last looked at. */
  lastEnd(path: string): number;
  /** The bytes that are free on the file system of a directory; null if unknown. */
  freeBytes(directory: string): number | null;
  /**
   * Makes ready for a start. A log that was another user's, or that has another name, becomes an older part: who can reach
   * it otherwise must see nothing of what follows.
   * @returns the position at which the output of the start begins
   */
  begin(path: string, owner: Owner, keep: number): number;
  /**
   * The last bytes of a log between two positions, as text; only for small numbers.
   * @param range.to null: its end
   * @throws ReadProblem
   */
  readEnd(path: string, range: { from: number; to: number | null; bytes: number }): string;
  /**
   * The last lines of a log and then, if requested, its additions, until `signal` aborts.
   * @throws ReadProblem if its path no longer holds a log
   */
  read(path: string, lines: number, follow: boolean, signal: AbortSignal): AsyncGenerator<Buffer>;
  /** Where the last `count` lines of a log begin and end; `omitted` bytes before it were not searched. @throws ReadProblem */
  lastLines(path: string, count: number): Promise<{ from: number; to: number; omitted: number }>;
  /** Where a follower continues that was at a position, and how many bytes it skips. */
  continueAt(position: number, end: number): { from: number; omitted: number };
  /** The content between two positions, with a note of what is no longer there. @throws ReadProblem */
  readRange(path: string, from: number, to: number): AsyncGenerator<Buffer>;
  /** Forgets the logs in a directory, which is removed. */
  forget(directory: string): void;
  /** Bounds a log: beyond half of `maxBytes`, its newest half becomes the newest older part. */
  bound(path: string, bounds: LogBounds): Promise<void>;
  /** Moves all that a log holds to its newest older part, because its agent empties it itself. */
  save(path: string, bounds: LogBounds): Promise<void>;
  /** Finds the file that an agent writes to, and gives it the name of its log back if it was moved. */
  find(pid: number, fd: 1 | 2, sought: SoughtLog): Promise<Whereabouts>;
  /** Moves what an agent has written to its deleted log to its path. @returns false if its output goes elsewhere by now */
  fetchDeleted(pid: number, fd: 1 | 2, log: { id: string; path: string; bytesMax: number }): Promise<boolean>;
  /**
   * Puts what an agent and its forks have open of a log into append mode.
   * @returns how many descriptors were changed; null if the kernel forbids it
   */
  makeAppending(pid: number, path: string): number | null;
}
