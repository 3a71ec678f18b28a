/** The kernel's settings that the doctor looks at, as sysctl(8) names them; dots are slashes below /proc/sys. */
export const SYSCTLS = [
  'kernel.pid_max',
  'kernel.threads-max',
  'fs.file-max',
  'fs.nr_open',
  'fs.inotify.max_user_instances',
  'fs.inotify.max_user_watches',
  'net.core.rmem_default',
  'net.core.rmem_max',
  'net.core.wmem_default',
  'net.core.wmem_max',
  'net.core.somaxconn',
  'net.ipv4.udp_mem',
  'net.ipv4.tcp_mem',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.netfilter.nf_conntrack_max',
  'vm.overcommit_memory',
] as const;
export type SysctlName = (typeof SYSCTLS)[number];

/** What the doctor knows of a host: plain values, so that any host can be imagined. */
export interface HostFacts {
  /** Who runs, or would run, the supervisor. */
  uid: number;
  pageBytes: number;
  /** Values as the kernel prints them; a setting that this kernel has not is absent. */
  sysctls: Readonly<Partial<Record<SysctlName, string>>>;
  memory: {
    totalBytes: number;
    availableBytes: number;
    swapTotalBytes: number;
    /** What can be promised when vm.overcommit_memory is 2 (CommitLimit), and what is promised now. */
    commitLimitBytes: number;
    committedBytes: number;
  };
  used: {
    /** Processes and threads of the whole host. */
    tasks: number;
    /** Open files of the whole host (fs.file-nr). */
    files: number;
    /** Connections tracked now; null where none are. */
    connections: number | null;
  };
  /** Limits of the process that starts agents: the supervisor, or else this one. Infinity: none. */
  rlimits: Readonly<Record<'nofile' | 'nproc', { soft: number; hard: number }>>;
  /** The soft limit of open files that agents inherit. */
  nofileOfAgents: number;
  /** Limits of every cgroup above the process that starts agents, the innermost first. */
  cgroups: readonly CgroupLimit[];
  /** The namespaces of that process that are not the host's own. */
  namespaces: readonly string[];
  /** What the host is where it is no whole machine: docker, lxc …; null where it is one. */
  container: string | null;
  /** The file systems of the state and the runtime directory. */
  disks: readonly Disk[];
  /** What takes longer to find out; null where only the quick facts were read. */
  survey: HostSurvey | null;
}

/** A limit that a cgroup sets. */
export interface CgroupLimit {
  controller: 'pids' | 'memory';
  version: 1 | 2;
  /** As the host's users see it: /sys/fs/cgroup/user.slice. */
  directory: string;
  /** The file that holds the limit: pids.max, memory.max, memory.limit_in_bytes. */
  file: string;
  /** Tasks, or bytes. */
  value: number;
  used: number;
  /** Whether a supervisor started from here leaves the cgroup, and its agents with it. */
  isLeft: boolean;
}

export interface Disk {
  holds: 'state' | 'runtime';
  /** The directory, or the nearest one above it that exists. */
  path: string;
  freeBytes: number;
  /** Null on a file system that makes inodes as it needs them (btrfs). */
  freeInodes: number | null;
}

/** What is found by looking through the host's processes and files. */
export interface HostSurvey {
  /** Which local ports somebody serves, ascending. */
  served: Readonly<Record<'tcp' | 'udp', readonly number[]>>;
  /** Tasks of the user that agents would count against (RLIMIT_NPROC), by uid. */
  tasksOfUser: Readonly<Record<number, number>>;
  /** Processes that run the fleet's executable, agents that are known left out. */
  lookAlikes: readonly number[];
  /** Null where systemd is not PID 1. */
  systemd: SystemdFacts | null;
  /** What else would start the fleet. */
  startups: readonly Startup[];
}

export interface SystemdFacts {
  /** Null where it could not be found out. */
  version: number | null;
  /** Whether the user's services live without a session; null for root, who needs no linger. */
  linger: boolean | null;
  /** Where UserTasksMax= is set. */
  userTasksMax: SysctlValue | null;
  /** Where limits.conf sets nofile or nproc. */
  limitsConf: SysctlValue | null;
  defaultTasksMax: SysctlValue | null;
}

/** A line of a configuration file. */
export interface SysctlValue {
  file: string;
  line: number;
  text: string;
}

/** A line of a start-up script: of a file, or of the cloud's metadata (then `file` is the address). */
export type Startup = SysctlValue;

/** The number that a sysctl holds (the first, where it holds several); null where the host has no such setting. */
export function sysctlNumber({ sysctls }: Pick<HostFacts, 'sysctls'>, name: SysctlName): number | null {
  return sysctlNumbers({ sysctls }, name)?.[0] ?? null;
}

/** All numbers that a sysctl holds; null where the host has no such setting. */
export function sysctlNumbers({ sysctls }: Pick<HostFacts, 'sysctls'>, name: SysctlName): number[] | null {
  const text = sysctls[name];
  return text === undefined ? null : text.split(/\s+/).filter(Boolean).map(Number);
}
