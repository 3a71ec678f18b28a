import type { HttpPlace } from './net/http-get.ts';
import type { PortRange, PortTable, Protocol } from './proc/port-table.ts';
import type { Result } from './sys/result.ts';

/** Who serves and who is connected; what answers when it is asked. */
export interface Sockets {
  /** Who serves which port of a range, in one pass. */
  readPorts(protocol: Protocol, range: PortRange): PortTable;
  /** Whether a slot's processes hold one of these sockets. */
  holds(key: string, inodes: readonly number[]): boolean;
  /** `pid 991 (nginx)` for the holder of one of these sockets; null where it cannot be found. */
  holderOf(inodes: readonly number[]): string | null;
  /** Why no connection to a slot's own socket is possible; null where it is. */
  socketProblem(key: string, path: string): string | null;
  /** How many established TCP connections each local port has; index is the port. */
  readConnections(): Promise<Uint32Array>;
  /**
   * GETs a path from an agent over HTTP, and reads nothing but the status.
   * @param timeoutMs in all, and not between two bytes
   * @returns the status of the answer, or why there is none
   */
  get(place: HttpPlace, path: string, timeoutMs: number): Promise<Result<number>>;
  /**
   * Reads one number of a JSON document that somebody serves.
   * @param url of http or https
   * @param field its name, or the path to it with dots
   * @throws Error that says what came instead
   */
  fetchNumber(url: string, field: string, timeoutMs: number): Promise<number>;
  /** Whether there is a journald to write to. */
  journalIsThere(): boolean;
  /**
   * Opens a stream to journald under an identifier, to be handed to one agent as its output.
   * @returns its descriptor, for closeJournal()
   * @throws SystemCallError where journald does not answer
   */
  openJournal(identifier: string): number;
  /** Closes a stream of openJournal(); the agent has one of its own. */
  closeJournal(fd: number): void;
}
