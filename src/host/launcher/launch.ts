/** Where stdout and stderr go: a file of their own, opened in the child, or a descriptor that is handed over. */
export type Output = { path: string } | { fd: number };

/** Who a process runs as; the groups beside its own are all that it has. */
export interface User {
  uid: number;
  gid: number;
  groups: readonly number[];
}

/** One process to start. All strings are free of NUL. */
export interface Launch {
  /** Absolute. */
  path: string;
  argv: readonly string[];
  /** `NAME=value` each: the whole environment. */
  env: readonly string[];
  cwd: string;
  output: Output;
  /** It is started beside an agent, and must not be taken for it after a crash (recognise.ts). */
  isErrand?: true;
  /** Absent: whoever this process is. Needs root. */
  user?: User;
  /** The directory of the cgroup that it lives in from its first instruction; absent: that of this process. */
  cgroup?: string;
  /** What it does not inherit from this process. */
  umask?: number;
  nofile?: { soft: number; hard: number };
  oomScoreAdj?: number;
}
