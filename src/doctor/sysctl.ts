import { formatCount, formatSize } from '../specification/units.ts';
import type { Demand } from './demand.ts';
import { OWN_DESCRIPTORS } from './descriptors.ts';
import { type HostFacts, type SysctlName, sysctlNumber, sysctlNumbers } from './facts.ts';
import { formatPorts, parsePorts, portsOfSlots } from './ports.ts';

/** One line of the drop-in. */
export interface SysctlSetting {
  key: SysctlName;
  value: string;
  why: string;
}

/** PID_MAX_LIMIT of 64-bit kernels (linux/threads.h). */
const PID_MAX_LIMIT = 4_194_304;
/** FUTEX_TID_MASK: no kernel takes a higher kernel.threads-max (kernel/fork.c). */
const THREADS_MAX_LIMIT = 0x3fff_ffff;
/** An allowance for everything else on the host. */
const REST = { tasks: 4_096, files: 65_536, inotifyInstances: 128, inotifyWatches: 65_536 } as const;
/** The factor by which a fleet may exceed its likely needs. */
const ROOM = 2;
/**
 * The same factor for tasks. It is larger because daemons have threads, and because the kernel assigns pids in turn: with
 * many spare pids, none is reused soon. A higher maximum costs nothing.
 */
const TASK_ROOM = 16;
const SOCKET_BUFFER = {
  /** The kernel's default (SK_RMEM_MAX, net/core/sock.c). */
  least: 212_992,
  defaultMost: 1_048_576,
  /** QUIC libraries request less than this. */
  most: 8_388_608,
} as const;
/** The maximum share of memory for all socket buffers: with default sizes, and if every agent requests the maximum. */
const BUFFERS_SHARE = { default: 1 / 8, most: 1 / 4 } as const;
/** The kernel's own default since Linux 5.4. */
export const SOMAXCONN = 4_096;
/** Two directions, and as many connections that are timing out. */
const CONNECTIONS_PER_SOCKET = 4;

/**
 * The kernel settings for these agents on this host: never lower than the current ones, with the slots' ports added to
 * those already reserved. A setting that the host lacks (conntrack if it is not loaded) is left out.
 */
export function sysctlSettings(demand: Demand, facts: HostFacts): SysctlSetting[] {
  return [...taskSettings(demand, facts), ...fileSettings(demand, facts), ...networkSettings(demand, facts)];
}

/**
 * The drop-in for /etc/sysctl.d, in the format of sysctl.d(5).
 * @param host a description of the host that the values were computed for
 */
export function renderSysctl(settings: readonly SysctlSetting[], host = 'this host'): string {
  const lines = settings.flatMap(({ key, value, why }) => ['', `# ${why}`, `${key} = ${value}`]);
  return [
    `# Kernel settings for a fleet, computed from its agents and the memory of ${host}.`,
    '# fleetctl doctor explains each; fleetctl install computes them again, and never lowers a current value.',
    ...lines,
    '',
  ].join('\n');
}

function taskSettings({ agents, likely }: Demand, facts: HostFacts): SysctlSetting[] {
  const tasks = agents * likely.tasks;
  return [
    atLeast(
      facts,
      'kernel.pid_max',
      Math.min(PID_MAX_LIMIT, roundUp(TASK_ROOM * (tasks + REST.tasks))),
      `${TASK_ROOM} times the ${formatCount(Math.ceil(tasks))} tasks: leaves room for threads, and keeps pids from being reused soon.`,
    ),
    atLeast(
      facts,
      'kernel.threads-max',
      Math.min(THREADS_MAX_LIMIT, roundUp(TASK_ROOM * (tasks + REST.tasks))),
      'Processes and threads of the whole host.',
    ),
  ];
}

function fileSettings({ agents, others, likely, nofile }: Demand, facts: HostFacts): SysctlSetting[] {
  const supervisor = ROOM * (agents + others + OWN_DESCRIPTORS);
  return [
    atLeast(
      facts,
      'fs.file-max',
      roundUp(ROOM * agents * (likely.files + 1) + REST.files),
      'Open files of the whole host.',
    ),
    atLeast(
      facts,
      'fs.nr_open',
      Math.max(1_048_576, roundUp(Math.max(supervisor, nofile ?? 0))),
      'Open files of one process: the supervisor has one per agent.',
    ),
    atLeast(
      facts,
      'fs.inotify.max_user_instances',
      roundUp(agents * Math.max(1, likely.inotifyInstances) + REST.inotifyInstances),
      'Inotify instances of one user: one per agent, because many daemons watch their configuration.',
    ),
    atLeast(
      facts,
      'fs.inotify.max_user_watches',
      roundUp(agents * Math.max(8, likely.inotifyWatches) + REST.inotifyWatches),
      'Inotify watches of one user; each one in use takes about 1 KiB of kernel memory.',
    ),
  ];
}

function networkSettings(demand: Demand, facts: HostFacts): SysctlSetting[] {
  const { agents, likely, ports } = demand;
  const sockets = Math.max(1, agents) * Math.max(1, likely.udpSockets + likely.tcpSockets);
  const { totalBytes } = facts.memory;
  const usual = bufferBytes(totalBytes * BUFFERS_SHARE.default, sockets, SOCKET_BUFFER.defaultMost);
  const most = bufferBytes(totalBytes * BUFFERS_SHARE.most, sockets, SOCKET_BUFFER.most);
  const promise = `${formatCount(sockets)} sockets × ${formatSize(usual)} = ${formatSize(sockets * usual)} of ${formatSize(totalBytes)}`;
  const buffers = (['rmem', 'wmem'] as const).flatMap((kind) => {
    const what = kind === 'rmem' ? 'receive' : 'send';
    return [
      atLeast(facts, `net.core.${kind}_default`, usual, `The ${what} buffer of a socket: ${promise}.`),
      atLeast(facts, `net.core.${kind}_max`, most, `The maximum ${what} buffer that a daemon may request.`),
    ];
  });
  const range = ports && portsOfSlots(ports, agents);
  const reserved = parsePorts(facts.sysctls['net.ipv4.ip_local_reserved_ports'] ?? '');
  return [
    ...buffers,
    udpMemory(demand, facts, usual),
    atLeast(
      facts,
      'net.core.somaxconn',
      SOMAXCONN,
      'The maximum number of connections that wait for a listener to accept them.',
    ),
    ...(range || reserved.length > 0
      ? [
          {
            key: 'net.ipv4.ip_local_reserved_ports' as const,
            value: formatPorts(range ? [...reserved, range] : reserved),
            why: 'The ports of the slots, which outgoing connections must not take; one value for the whole host.',
          },
        ]
      : []),
    ...(facts.sysctls['net.netfilter.nf_conntrack_max'] === undefined
      ? []
      : [
          atLeast(
            facts,
            'net.netfilter.nf_conntrack_max',
            roundUp(CONNECTIONS_PER_SOCKET * sockets),
            'Connections that the firewall tracks.',
          ),
        ]),
  ];
}

/**
 * udp_mem counts pages. The first of its three values is the limit, because UDP has no memory pressure
 * (Documentation/networking/ip-sysctl.rst). The others keep the kernel's proportions of 3 : 4 : 6 (net/ipv4/udp.c).
 */
function udpMemory({ agents, likely }: Demand, facts: HostFacts, bufferBytesEach: number): SysctlSetting {
  const { memory, pageBytes } = facts;
  const wanted = (agents * likely.udpSockets * bufferBytesEach) / pageBytes;
  // The kernel's default is 3/32 of the memory; more than a quarter in queues would starve the agents.
  const first = Math.ceil(
    Math.min(Math.max(wanted, (memory.totalBytes / pageBytes) * (3 / 32)), memory.totalBytes / pageBytes / 4),
  );
  const have = sysctlNumbers(facts, 'net.ipv4.udp_mem') ?? [];
  const values = [first, Math.ceil((first * 4) / 3), 2 * first].map((value, i) =>
    Math.max(value, have[i] ?? 0),
  );
  return {
    key: 'net.ipv4.udp_mem',
    value: values.join(' '),
    why: `Pages of ${formatSize(pageBytes)} (not bytes) for all UDP queues: the first value is the limit, here ${formatSize(values[0]! * pageBytes)}.`,
  };
}

/** The buffer per socket within a budget, as a power of two between the kernel's default and `most`. */
function bufferBytes(budgetBytes: number, sockets: number, most: number): number {
  const fair = 2 ** Math.floor(Math.log2(Math.max(1, budgetBytes / sockets)));
  return Math.min(most, Math.max(SOCKET_BUFFER.least, fair));
}

/** The current value if it is high enough, as printed (fs.file-max can exceed the exact range of a double). */
function atLeast(facts: HostFacts, key: SysctlName, wanted: number, why: string): SysctlSetting {
  const have = sysctlNumber(facts, key);
  const value = have !== null && have >= wanted ? facts.sysctls[key]!.trim() : String(wanted);
  return { key, value, why };
}

/** The next power of two: a round value, which stays valid while the fleet grows a little. */
function roundUp(value: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, value)));
}
