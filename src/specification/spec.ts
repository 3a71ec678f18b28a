/** A spec, checked and complete: every default filled in, durations in milliseconds, sizes in bytes. */
export interface Spec {
  name: string;
  /** argv as written, with its placeholders. */
  command: string[];
  binary: string | null;
  env: Record<string, string>;
  envFile: string | null;
  user: User | null;
  prepare: string[] | null;
  target: number | null;
  ports: Ports | null;
  rounds: { parallel: number; delayMs: number; adaptive: boolean; parallelMax: number };
  ready: Ready;
  health: { everyMs: number; failures: number } | null;
  restart: {
    on: 'always' | 'on-failure' | 'never';
    backoff: { minMs: number; maxMs: number };
    storm: { failures: Share; withinMs: number } | null;
  };
  stop: { signal: string; graceMs: number; parallel: number };
  resources: {
    memory: { requestBytes: number | null; limitBytes: number | null } | null;
    cpu: number | null;
    pids: number | null;
    nofile: number | null;
  } | null;
  leak: {
    everyMs: number;
    growthBytesPerHour: number;
    agentLimitBytes: number | null;
    recycle: boolean;
    connections: { http: string; field: string } | null;
  } | null;
  pressure: { availablePercent: number; hook: string[] | null } | null;
  verify: { http: string; field: string; atLeastPercent: number } | null;
  /** Who is told when a condition begins and ends; one of the two is not null. */
  alerts: { exec: string[] | null; http: string | null } | null;
  update: {
    batch: Share;
    waitMs: number;
    canary: number;
    maxFailed: Share;
    rollback: boolean;
    healthyDeadlineMs: number;
    keep: number;
    drain: { connections: boolean; timeoutMs: number } | null;
  };
  logs: { to: 'file' | 'null' | 'journal'; maxSizeBytes: number };
}

/** A user of the host by name, or one uid (and the same gid) per slot, counted from `base`. */
export type User = { name: string } | { base: number };

/** Slot i owns the ports base + i × perAgent … base + (i + 1) × perAgent − 1. */
export interface Ports {
  base: number;
  perAgent: number;
  /** Null if the spec does not state it: then both protocols are checked. */
  protocol: 'tcp' | 'udp' | null;
}

/** A number of agents, or a share of the fleet in percent. */
export type Share = { count: number } | { percent: number };

/** How an agent shows that it is ready; `timeoutMs` counts from its start. */
export type Ready = { timeoutMs: number } & (
  | { kind: 'tcp' }
  | { kind: 'udp' }
  /** The port served by either protocol: the default if the spec states none. */
  | { kind: 'port' }
  | { kind: 'socket' }
  | { kind: 'http'; path: string }
  | { kind: 'exec'; argv: string[] }
  | { kind: 'notify' }
  | { kind: 'after'; afterMs: number }
);
