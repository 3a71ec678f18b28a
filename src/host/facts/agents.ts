import type { AgentMeasure } from '../../doctor/demand.ts';
import { findCgroupMount } from '../proc/cgroup.ts';
import { Root } from './root.ts';

/** The number of agents that are measured; agents are alike. */
const SAMPLE_MAX = 32;
const PROTOCOLS = ['tcp', 'udp'] as const;

/**
 * Measures what agents use, on average over a sample of them: each main process with everything that it forked, if its
 * leaf cgroup shows that. Costs about a millisecond per agent.
 * @param pids the agents' main processes
 * @param isQuick omits descriptors, which costs a tenth
 * @returns null if none of them could be read
 */
export function measureAgents(
  pids: readonly number[],
  { isQuick = false, root: path }: { isQuick?: boolean; root?: string } = {},
): AgentMeasure | null {
  const root = new Root(path);
  const step = Math.max(1, pids.length / SAMPLE_MAX);
  const sample = Array.from(
    { length: Math.min(pids.length, SAMPLE_MAX) },
    (_, i) => pids[Math.floor(i * step)]!,
  );
  const sockets = isQuick ? null : readSockets(root);
  const mount = findCgroupMount(root.text('/proc/self/mountinfo') ?? '');
  const seen = sample.map((pid) => measureOne(root, pid, mount, sockets)).filter((one) => one !== null);
  if (seen.length === 0) return null;
  const average = (of: keyof One) => {
    const known = seen.map((one) => one[of]).filter((value) => value !== null);
    return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
  };
  return {
    agents: seen.length,
    tasks: average('tasks'),
    files: average('files'),
    memoryBytes: average('memoryBytes'),
    udpSockets: average('udpSockets'),
    tcpSockets: average('tcpSockets'),
    inotifyInstances: average('inotifyInstances'),
    inotifyWatches: average('inotifyWatches'),
  };
}

type One = Omit<AgentMeasure, 'agents'>;
type Sockets = Record<(typeof PROTOCOLS)[number], ReadonlySet<string>>;

function measureOne(root: Root, pid: number, mount: string | null, sockets: Sockets | null): One | null {
  const processes = membersOf(root, pid, mount).map((member) => measureProcess(root, member, sockets));
  const living = processes.filter((process) => process !== null);
  if (living.length === 0) return null;
  const total = (of: keyof One) =>
    living.reduce<number | null>((sum, one) => (sum === null || one[of] === null ? null : sum + one[of]), 0);
  return {
    tasks: total('tasks'),
    files: total('files'),
    memoryBytes: total('memoryBytes'),
    udpSockets: total('udpSockets'),
    tcpSockets: total('tcpSockets'),
    inotifyInstances: total('inotifyInstances'),
    inotifyWatches: total('inotifyWatches'),
  };
}

/** All processes of an agent's leaf; only the main process if agents have no leaves. */
function membersOf(root: Root, pid: number, mount: string | null): number[] {
  const path = /^0::(.*\/fleetd-[0-9a-f]{12}\/[^/]+\/\d+)/m.exec(root.text(`/proc/${pid}/cgroup`) ?? '')?.[1];
  const procs = path && mount ? root.text(`${mount}${path}/cgroup.procs`) : null;
  return procs ? procs.split('\n').map(Number) : [pid];
}

function measureProcess(root: Root, pid: number, sockets: Sockets | null): One | null {
  const tasks = /^Threads:\s+(\d+)/m.exec(root.text(`/proc/${pid}/status`) ?? '')?.[1];
  if (tasks === undefined) return null;
  const pss = /^Pss:\s+(\d+) kB/m.exec(root.text(`/proc/${pid}/smaps_rollup`) ?? '')?.[1];
  const memoryBytes = pss === undefined ? null : Number(pss) * 1024;
  return { tasks: Number(tasks), memoryBytes, ...measureFiles(root, pid, sockets) };
}

const UNSEEN = {
  files: null,
  udpSockets: null,
  tcpSockets: null,
  inotifyInstances: null,
  inotifyWatches: null,
};

/** The open files of a process. One without a single descriptor probably hides them from us. */
function measureFiles(root: Root, pid: number, sockets: Sockets | null): Omit<One, 'tasks' | 'memoryBytes'> {
  const links =
    sockets === null
      ? []
      : root.list(`/proc/${pid}/fd`).map((fd) => ({ fd, to: root.link(`/proc/${pid}/fd/${fd}`) ?? '' }));
  if (sockets === null || links.length === 0) return UNSEEN;
  const bound = (set: ReadonlySet<string>) => links.filter(({ to }) => set.has(to)).length;
  const inotify = links.filter(({ to }) => to === 'anon_inode:inotify');
  const watches = inotify.map(
    ({ fd }) => root.text(`/proc/${pid}/fdinfo/${fd}`)?.match(/^inotify wd:/gm)?.length ?? 0,
  );
  return {
    files: links.length,
    udpSockets: bound(sockets.udp),
    tcpSockets: bound(sockets.tcp),
    inotifyInstances: inotify.length,
    inotifyWatches: watches.reduce((sum, count) => sum + count, 0),
  };
}

/** The sockets of the network as the links of /proc/PID/fd name them: the tenth column is the inode (proc(5)). */
function readSockets(root: Root): Sockets {
  const [tcp, udp] = PROTOCOLS.map((protocol) => {
    const lines = [protocol, `${protocol}6`].flatMap((name) =>
      (root.text(`/proc/net/${name}`) ?? '').split('\n').slice(1),
    );
    return new Set(lines.map((line) => `socket:[${line.trim().split(/\s+/)[9]}]`));
  });
  return { tcp: tcp!, udp: udp! };
}
