import type { Capability } from '../specification/capabilities.ts';
import type { LimitName } from '../specification/spec.ts';

/** The kernel settings that the doctor examines, by their sysctl(8) names; a dot is a slash below /proc/sys. */
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
  'kernel.unprivileged_userns_clone',
  'kernel.apparmor_restrict_unprivileged_userns',
  'user.max_mnt_namespaces',
  'user.max_user_namespaces',
] as const;
export type SysctlName = (typeof SYSCTLS)[number];

/** What the doctor knows about a host: plain values, so that tests can describe any host. */
export interface HostFacts {
  /** The user that runs, or would run, the supervisor. */
  uid: number;
  pageBytes: number;
  /** Values as the kernel prints them; a setting that this kernel lacks is absent. */
  sysctls: Readonly<Partial<Record<SysctlName, string>>>;
  memory: {
    totalBytes: number;
    availableBytes: number;
    swapTotalBytes: number;
    /** The maximum of committed memory if vm.overcommit_memory is 2 (CommitLimit), and the current amount. */
    commitLimitBytes: number;
    committedBytes: number;
  };
  used: {
    /** Processes and threads of the whole host. */
    tasks: number;
    /** Open files of the whole host (fs.file-nr). */
    files: number;
    /** Connections that the firewall tracks now; null if it tracks none. */
    connections: number | null;
  };
  /** Limits of the process that starts agents: the supervisor, else this one. Infinity: unlimited. */
  rlimits: Readonly<Record<'nofile' | 'nproc', { soft: number; hard: number }>>;
  inherited: Inherited;
  /** Where bubblewrap (bwrap) is; null if it is not installed. */
  bubblewrap: string | null;
  /** Limits of every cgroup above the process that starts agents, innermost first. */
  cgroups: readonly CgroupLimit[];
  /** The namespaces of that process that differ from the host's. */
  namespaces: readonly string[];
  /** The kind of container (docker, lxc …); null on a whole machine. */
  container: string | null;
  /** The file systems of the state and the runtime directory. */
  disks: readonly Disk[];
  /** Facts that take longer to read; null if only the quick ones were read. */
  survey: HostSurvey | null;
}

/** What the process that starts agents has of whoever started it, and may change. */
export interface Inherited {
  /** Hard limits, in the unit of setrlimit(2). Infinity: unlimited. */
  hard: Readonly<Record<LimitName, number>>;
  nice: number;
  oomScoreAdj: number;
  /** The processors of its cpuset, else of the host, as 0-3,6. */
  cpus: string;
  /** Its effective capabilities. */
  capabilities: readonly Capability[];
  /** What no process can undo: no_new_privs, seccomp. */
  confinedBy: readonly string[];
}

/** A limit that a cgroup sets. */
export interface CgroupLimit {
  controller: 'pids' | 'memory';
  version: 1 | 2;
  /** Its path on the host: /sys/fs/cgroup/user.slice. */
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
  /** The directory, or its nearest existing ancestor. */
  path: string;
  freeBytes: number;
  /** Null on a file system that creates inodes as needed (btrfs). */
  freeInodes: number | null;
}

/** The result of a search through the host's processes and files. */
export interface HostSurvey {
  /** Local ports that any process serves, ascending. */
  served: Readonly<Record<'tcp' | 'udp', readonly ServedPort[]>>;
  /** Those of the slots' addresses that this host does not have. */
  missingAddresses: readonly string[];
  /** Tasks of the user that agents would count against (RLIMIT_NPROC), by uid. */
  tasksOfUser: Readonly<Record<number, number>>;
  /** Processes that run the fleet's executable and are no known agents. */
  lookAlikes: readonly number[];
  /** Null if systemd is not PID 1. */
  systemd: SystemdFacts | null;
  /** Other scripts that start the fleet. */
  startups: readonly Startup[];
}

/** A port that a process serves, at an address in canonical text, or at any: 0.0.0.0, ::. */
export interface ServedPort {
  port: number;
  address: string;
}

export interface SystemdFacts {
  /** Null if unknown. */
  version: number | null;
  /** Whether the user's services run without a session; null for root, who needs no linger. */
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

/** A line of a start-up script: from a file, or from the cloud's metadata (then `file` is the URL). */
export type Startup = SysctlValue;

/** The number that a sysctl holds (the first of several); null if the host lacks the setting. */
export function sysctlNumber({ sysctls }: Pick<HostFacts, 'sysctls'>, name: SysctlName): number | null {
  return sysctlNumbers({ sysctls }, name)?.[0] ?? null;
}

/** All numbers that a sysctl holds; null if the host lacks the setting. */
export function sysctlNumbers({ sysctls }: Pick<HostFacts, 'sysctls'>, name: SysctlName): number[] | null {
  const text = sysctls[name];
  return text === undefined ? null : text.split(/\s+/).filter(Boolean).map(Number);
}
