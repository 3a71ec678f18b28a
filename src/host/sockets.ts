import type { HttpOptions, HttpPlace } from './net/http-get.ts';
import type { Connections } from './proc/net.ts';
import type { PortRange, PortTable, Protocol } from './proc/port-table.ts';
import type { Result } from './sys/result.ts';

/** The sockets of the host: their ports, holders and connections, and requests to them. */
export interface Sockets {
  /** The sockets that serve each port of a range, in one pass. */
  readPorts(protocol: Protocol, range: PortRange): PortTable;
  /**
   * The sockets that get connections to a TCP port, in a time that does not grow with the number of listeners. Some that
   * are hard to reach may be missing. Null if the host cannot tell.
   * @param address the one at which they matter, in canonical form; null: all of the host
   */
  reachablePorts(port: number, address: string | null): PortTable | null;
  /** Whether a slot's processes hold one of these sockets. */
  holds(key: string, inodes: readonly number[]): boolean;
  /** The slots whose processes hold these sockets, by inode, from one look at every process; others are left out. */
  slotsHolding(inodes: readonly number[]): ReadonlyMap<number, string>;
  /** `pid 991 (nginx)` for the holder of one of these sockets; null if it cannot be found. */
  holderOf(inodes: readonly number[]): string | null;
  /** Why no connection to a slot's own socket is possible; null if one is. */
  socketProblem(key: string, path: string): string | null;
  /**
   * The number of established TCP connections of each local port.
   * @param addresses those at which they are counted apart, in canonical form
   */
  readConnections(addresses?: readonly string[]): Promise<Connections>;
  /** Whether a socket can be bound to an address: one of this host's, IPv4 or IPv6, in canonical form. */
  isLocal(address: string): boolean;
  /**
   * Sends a GET to an agent over HTTP, and reads only the status.
   * @returns the status of the answer, or why there is none
   */
  get(place: HttpPlace, path: string, options: HttpOptions): Promise<Result<number>>;
  /**
   * Reads one number of a JSON document.
   * @param url of http or https
   * @param field its name, or the path to it with dots
   * @throws Error that describes what came instead
   */
  fetchNumber(url: string, field: string, timeoutMs: number): Promise<number>;
  /**
   * Sends a JSON document by POST.
   * @param url of http or https; no redirect is followed
   * @param timeoutMs the total time
   * @throws Error that says why it was not taken: no success status, too long an answer, or none
   */
  postJson(url: string, json: string, timeoutMs: number): Promise<void>;
  /** Whether there is a journald to write to. */
  journalIsThere(): boolean;
  /**
   * Opens a stream to journald under an identifier, for the output of one agent.
   * @returns its descriptor, for closeJournal()
   * @throws SystemCallError if journald does not answer
   */
  openJournal(identifier: string): number;
  /** Closes a stream of openJournal(); the agent has its own descriptor. */
  closeJournal(fd: number): void;
}
