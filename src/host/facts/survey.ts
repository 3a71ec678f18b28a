import type { HostSurvey, ServedPort } from '../../doctor/facts.ts';
import { isLocal } from '../net/local.ts';
import { readPorts } from '../proc/net.ts';
import { PORTS, type Protocol } from '../proc/port-table.ts';
import { parseStat } from '../proc/stat.ts';
import { Root } from './root.ts';
import { readStartups } from './startups.ts';
import { readSystemd } from './systemd.ts';

export interface SurveyOptions {
  /** The user who runs, or would run, the supervisor. */
  uid: number;
  userName: string | null;
  /** The fleet's executable, resolved; null if it is not known. */
  executable: string | null;
  /** Main processes of known agents. */
  agents: ReadonlySet<number>;
  /** The addresses that the slots own. */
  addresses?: readonly string[];
  root?: string;
}

/** An agent's leaf cgroup, of any supervisor on this host. */
const LEAF = /^0::.*\/fleetd-[0-9a-f]{12}\//m;

/** Inspects all processes and the files that start something; costs some 50 µs per process. */
export function readSurvey({
  uid,
  userName,
  executable,
  agents,
  addresses = [],
  root: path,
}: SurveyOptions): HostSurvey {
  const root = new Root(path);
  const tasksOfUser: Record<number, number> = {};
  const lookAlikes: number[] = [];
  for (const pid of root.list('/proc').map(Number)) {
    const status = pid > 0 ? root.text(`/proc/${pid}/status`) : null;
    if (status === null) continue;
    const owner = Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]);
    tasksOfUser[owner] = (tasksOfUser[owner] ?? 0) + Number(/^Threads:\s+(\d+)/m.exec(status)?.[1] ?? 1);
    const isAlike = executable !== null && root.link(`/proc/${pid}/exe`) === executable;
    if (isAlike && !isOfAgent(root, pid, agents)) lookAlikes.push(pid);
  }
  return {
    served: { tcp: servedPorts(root, 'tcp'), udp: servedPorts(root, 'udp') },
    missingAddresses: addresses.filter((address) => !isLocal(address)),
    tasksOfUser,
    lookAlikes: lookAlikes.sort((a, b) => a - b),
    systemd: readSystemd(root, uid, userName),
    startups: readStartups(root, executable),
  };
}

/** An agent, what it forked, or another supervisor's agent: by its leaf, else by the session that agents lead. */
function isOfAgent(root: Root, pid: number, agents: ReadonlySet<number>): boolean {
  if (agents.has(pid) || LEAF.test(root.text(`/proc/${pid}/cgroup`) ?? '')) return true;
  return agents.has(parseStat(root.text(`/proc/${pid}/stat`) ?? '')?.session ?? 0);
}

function servedPorts(root: Root, protocol: Protocol): ServedPort[] {
  const table = readPorts(protocol, root.proc);
  const served: ServedPort[] = [];
  for (let port = 1; port < PORTS; port++) {
    const addresses = new Set(table.inodes(port).map((inode) => table.textOf(inode)));
    for (const address of addresses) served.push({ port, address });
  }
  return served;
}
