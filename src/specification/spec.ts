import type { Capability } from './capabilities.ts';

/** A spec, checked and complete: every default filled in, durations in milliseconds, sizes in bytes. */
export interface Spec {
  name: string;
  /** argv as written, with its placeholders. */
  command: string[];
  binary: string | null;
  env: Record<string, string>;
  envFile: string | null;
  user: User | null;
  /** A template; relative to the directory of the spec. */
  cwd: string;
  prepare: string[] | null;
  prepareTimeoutMs: number;
  start: { before: string[] | null; timeoutMs: number };
  target: number | null;
  ports: Ports | null;
  addresses: Addresses | null;
  rounds: {
    parallel: number;
    delayMs: number;
    adaptive: boolean;
    parallelMax: number;
    perMinute: number | null;
  };
  ready: Ready;
  health: {
    /** Null: the ready check. */
    check: Check | null;
    everyMs: number;
    failures: number;
    timeoutMs: number;
    afterMs: number;
  } | null;
  restart: {
    on: 'always' | 'on-failure' | 'never';
    backoff: { minMs: number; maxMs: number };
    storm: { failures: Share; withinMs: number } | null;
    success: number[];
    never: number[];
    attempts: { count: number; withinMs: number } | null;
    settleMs: number;
    maxAge: { afterMs: number; jitterPercent: number } | null;
  };
  stop: {
    signal: string;
    to: 'main' | 'all';
    graceMs: number;
    command: string[] | null;
    parallel: number;
  };
  reload: Reload | null;
  /** A template. */
  pidFile: string | null;
  resources: {
    memory: { requestBytes: number | null; limitBytes: number | null } | null;
    cpu: number | null;
    pids: number | null;
    nofile: number | null;
  } | null;
  limits: Record<LimitName, LimitValue | null> | null;
  process: {
    nice: number | null;
    ionice: string | null;
    cpus: string | null;
    umask: string;
    group: string | null;
    groups: string[] | null;
    oomScoreAdj: number;
    capabilities: Capability[];
  };
  sandbox: { readOnly: boolean; tmp: 'private' | 'shared'; writable: string[] } | null;
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
  logs: { to: 'file' | 'null' | 'journal'; maxSizeBytes: number; keep: number; stderr: 'same' | 'separate' };
  labels: Record<string, string> | null;
}

/** The value of a resource limit. */
export type LimitValue = number | 'unlimited';

/** The resource limits of a process that a spec can set, besides the number of open files. */
export type LimitName =
  | 'as'
  | 'core'
  | 'cpu'
  | 'data'
  | 'fsize'
  | 'memlock'
  | 'msgqueue'
  | 'nproc'
  | 'sigpending'
  | 'stack';

/** A user of the host by name, or one uid (and the same gid) per slot, counted from `base`. */
export type User = { name: string } | { base: number };

/** Slot i owns the ports base + i × perAgent … base + (i + 1) × perAgent − 1. */
export interface Ports {
  base: number;
  /** All slots serve the port `base`, each on its own address. */
  same: boolean;
  perAgent: number;
  names: string[] | null;
  /** Null if the spec does not state it: then both protocols are checked. */
  protocol: 'tcp' | 'udp' | null;
}

/** Slot i owns the address base + i + 1 of a block such as 127.16.0.0/16. */
export interface Addresses {
  base: string;
}

/** A number of agents, or a share of the fleet in percent. */
export type Share = { count: number } | { percent: number };

/** How an agent is made to read its configuration again. */
export type Reload = { signal: string } | { exec: string[] } | { http: string };

/** A range of status codes of HTTP, both ends included. */
export type CodeRange = [from: number, to: number];

/** What is checked of an agent. */
export type Check =
  | { kind: 'tcp' }
  | { kind: 'udp' }
  /** The port served by either protocol: the default if the spec states none. */
  | { kind: 'port' }
  | { kind: 'socket' }
  | {
      kind: 'http';
      path: string;
      status: CodeRange[];
      host: string | null;
      /** Templates, by name. */
      headers: Record<string, string>;
    }
  | { kind: 'exec'; argv: string[] }
  | { kind: 'notify' }
  | { kind: 'after'; afterMs: number };

/**
 * How an agent shows that it is ready; `timeoutMs` counts from its start. `everyMs` is the interval of the checks; null:
 * it grows with the time that the start takes.
 */
export type Ready = Check & { timeoutMs: number; everyMs: number | null };
