/** GET strays, with ?fleet=NAME for one fleet only. */
export interface StraysDocument {
  strays: Stray[];
  /** Processes that could be agents by what they execute, and did not answer when they were asked for their words. */
  unanswered: number;
}

/** A process that looks like an agent of a fleet, but belongs to no slot of any supervisor. */
export interface Stray {
  fleet: string;
  pid: number;
  /** Start time in clock ticks since boot: with the pid it names this one process. */
  startTicks: number;
  uid: number;
  /** Its words, joined by spaces. */
  command: string;
  /** ISO 8601. */
  startedAt: string;
  rssBytes: number | null;
  /** What it and its workers listen on. */
  ports: { protocol: 'tcp' | 'udp'; port: number }[];
  /** The slot of the fleet that owns one of these ports; null where none does. */
  slot: number | null;
  /** Why it would not be adopted, whom it runs as and whom its slot; null where it would. */
  refused: string | null;
  /** Its descendants that look like agents as well. */
  workers: number[];
  /** Who started it: its parent first, up to pid 1. */
  parents: { pid: number; name: string }[];
  /** Its cgroup in systemd's hierarchy; null where it has none. */
  cgroup: string | null;
  /** The systemd unit that this cgroup belongs to; null for none. */
  unit: string | null;
}

/** POST strays. `pids`: just these of them; absent: all. */
export interface StraysRequest {
  action: 'adopt' | 'kill';
  pids?: number[];
}

/** What became of one stray. A kill that was only begun ends with its process, or after the grace by SIGKILL. */
export type StrayResult =
  | { result: 'adopted'; slot: number; state: 'starting' }
  | { result: 'stopping' }
  /** Said by fleetctl, which has seen its end. */
  | { result: 'ended' }
  /** It has ended or changed meanwhile; nothing was done to it. */
  | { result: 'gone' }
  | { result: 'failed'; reason: string };

export interface StraysAnswer {
  fleet: string;
  /** The fleet's target from now on, and before. */
  target: number;
  targetBefore: number;
  strays: (Stray & StrayResult)[];
  /** What the user should know. */
  notes: string[];
  /** What is stopping has ended after so long for certain. */
  withinMs: number;
}
