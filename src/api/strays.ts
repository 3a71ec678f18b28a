/** GET strays, with ?fleet=NAME for one fleet. */
export interface StraysDocument {
  strays: Stray[];
  /** Processes whose executable is an agent's, but whose command line could not be read in time. */
  unanswered: number;
}

/** A process that looks like an agent of a fleet, but belongs to no slot of any supervisor. */
export interface Stray {
  fleet: string;
  pid: number;
  /** The start time in clock ticks since boot; with the pid, it identifies the process. */
  startTicks: number;
  uid: number;
  /** Its command line, joined by spaces. */
  command: string;
  /** ISO 8601. */
  startedAt: string;
  rssBytes: number | null;
  /** The ports that it and its workers listen on. */
  ports: { protocol: 'tcp' | 'udp'; port: number }[];
  /** The slot of the fleet that owns one of these ports; null if there is none. */
  slot: number | null;
  /** Why it cannot be adopted, with its user and that of the slot; null if it can. */
  refused: string | null;
  /** Its descendants that also look like agents. */
  workers: number[];
  /** Its ancestors: its parent first, up to pid 1. */
  parents: { pid: number; name: string }[];
  /** Its cgroup in systemd's hierarchy; null if it has none. */
  cgroup: string | null;
  /** The systemd unit of this cgroup; null if there is none. */
  unit: string | null;
}

/** POST strays. `pids` selects some of them; absent: all. */
export interface StraysRequest {
  action: 'adopt' | 'kill';
  pids?: number[];
}

/** The result for one stray. One that is stopping ends by itself, or by SIGKILL after the grace. */
export type StrayResult =
  | { result: 'adopted'; slot: number; state: 'starting' }
  | { result: 'stopping' }
  /** Set by fleetctl, once the process has ended. */
  | { result: 'ended' }
  /** It has ended or changed since; nothing was done to it. */
  | { result: 'gone' }
  | { result: 'failed'; reason: string };

export interface StraysAnswer {
  fleet: string;
  /** The fleet's new target, and the previous one. */
  target: number;
  targetBefore: number;
  strays: (Stray & StrayResult)[];
  /** Notes for the user. */
  notes: string[];
  /** The maximum time until strays that are stopping have ended. */
  withinMs: number;
}
