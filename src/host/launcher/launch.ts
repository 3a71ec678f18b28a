import type { LimitName } from '../../specification/spec.ts';
import type { Limit } from '../sys/rlimit.ts';

/**
 * The target of stdout and stderr: a file, opened in the child, or a descriptor that is handed over. An agent's log becomes
 * its user's own, which no other file may. With `errors`, that log is the target of stderr.
 */
export type Output = { path: string } | { log: string; errors?: string } | { fd: number };

/** The user of a process; `groups` are all its groups besides its own. */
export interface User {
  uid: number;
  gid: number;
  groups: readonly number[];
}

/** What a process has of the file system besides /dev and /proc. All paths are absolute. */
export interface Sandbox {
  /** It can write to nothing but `writable`. */
  readOnly: boolean;
  writable: readonly string[];
  /** Directories in whose place it has an empty one of its own, which anybody may write to. */
  emptied: readonly string[];
  /** What it needs even if that is in one of these. */
  visible: readonly string[];
}

/** One process to start. All strings are free of NUL. */
export interface Launch {
  /** Absolute. */
  path: string;
  argv: readonly string[];
  /** Each is `NAME=value`; the complete environment. */
  env: readonly string[];
  cwd: string;
  output: Output;
  /** It runs next to an agent, and must not be mistaken for it after a crash (recognise.ts). */
  isErrand?: true;
  /** Absent: the user of this process. Needs root. */
  user?: User;
  /** The directory of its cgroup, from its first instruction; absent: the cgroup of this process. */
  cgroup?: string;
  /** What differs from the launcher, which has what a system service has (baseline.ts). */
  umask?: number;
  oomScoreAdj?: number;
  /** Resource limits, in the unit of setrlimit(2). A hard limit above the launcher's needs CAP_SYS_RESOURCE. */
  limits?: Limits;
  /** The soft limit of open files; AgentWorld turns it into one of `limits`. */
  nofile?: number;
  nice?: number;
  /** As in ioprio_set(2). */
  ioPriority?: number;
  /** The numbers of the processors that it may run on. */
  cpus?: ReadonlySet<number>;
  /** Absent: it has the file system of this process. AgentWorld turns it into `wrapper`. */
  sandbox?: Sandbox;
  /** The program that changes its file system, as the supervisor's user, and then executes FD.image (process/sandbox.ts). */
  wrapper?: { path: string; argv: readonly string[] };
  /** Numbers of the capabilities that it keeps as an ordinary user (capabilities(7)); none besides them. */
  capabilities?: readonly number[];
}

/** Resource limits by their names. */
export type Limits = Readonly<Partial<Record<LimitName | 'nofile', Limit>>>;
