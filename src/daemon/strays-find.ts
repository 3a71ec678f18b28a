import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Stray } from '../api/strays.ts';
import type { ProcessId } from '../host/host.ts';
import { ALL_PORTS } from '../host/proc/net.ts';
import { listPids, readRssBytes } from '../host/proc/pid.ts';
import { readStat, ticksToMs } from '../host/proc/stat.ts';
import { isSupervised, readArgv, readExecutable, readSuspect } from '../host/strays.ts';
import {
  ancestorsOf,
  portsByInode,
  readOrigin,
  readUid,
  type Served,
  socketsOf,
} from '../host/strays-origin.ts';
import { runOf } from '../plan/agent.ts';
import { type Executable, isLike, type Likeness, mayBeLike } from '../plan/likeness.ts';
import { chooseFleets, slotOfPorts, topmost } from '../plan/strays.ts';
import { likenessesOf } from './likeness.ts';
import type { Managed } from './managed.ts';
import type { Supervisor } from './supervisor.ts';

/** So many processes are looked at before others get their turn. */
const LOOKS_A_TURN = 256;

/** A stray with what is needed to act on it. */
export interface Found extends Stray {
  likenesses: readonly Likeness[];
  /** Its workers as processes for certain. */
  forks: readonly ProcessId[];
}

/**
 * Finds the processes that look like agents of these fleets, but belong to no slot of any supervisor on this host.
 * @param fleet the fleet that is asked about; null for all
 */
export async function findStrays(supervisor: Supervisor, fleet: string | null): Promise<Found[]> {
  const fleets = [...supervisor.fleets.values()].map((managed) => ({
    managed,
    likenesses: likenessesOf(managed),
    alike: [] as ProcessId[],
  }));
  const agents = pidsOfAgents(supervisor);
  let looks = 0;
  for (const pid of listPids()) {
    if (agents.has(pid)) continue;
    if (++looks % LOOKS_A_TURN === 0) await nextTurn();
    const executable = readExecutable(pid);
    const stat = executable && readStat(pid);
    if (!stat) continue;
    for (const { likenesses, alike } of fleets) {
      if (isStray(supervisor, pid, executable, likenesses)) alike.push({ pid, startTicks: stat.startTicks });
    }
  }
  const claims = fleets.flatMap(({ managed, likenesses, alike }) =>
    describe(supervisor, managed, alike).map((found) => ({ ...found, likenesses })),
  );
  return chooseFleets(claims, fleet);
}

/** Whether a process that was found to be a stray still is one: it may have executed something else, or been adopted. */
export function isStillStray(supervisor: Supervisor, pid: number, likenesses: readonly Likeness[]): boolean {
  const executable = readExecutable(pid);
  return executable !== null && isStray(supervisor, pid, executable, likenesses);
}

/** The cheap questions come first: most processes are nothing like an agent. */
function isStray(
  supervisor: Supervisor,
  pid: number,
  executable: Executable,
  likenesses: readonly Likeness[],
): boolean {
  if (!likenesses.some((likeness) => mayBeLike(likeness, executable))) return false;
  const suspect = readSuspect(pid, executable);
  return (
    suspect !== null &&
    likenesses.some((likeness) => isLike(likeness, suspect)) &&
    !isSomebodys(supervisor, pid)
  );
}

/** Whether a supervisor runs a process: another one on this host, or this one, as an agent, its fork or a helper. */
function isSomebodys({ host, layout }: Supervisor, pid: number): boolean {
  return (
    isSupervised(pid, layout.stateDir) ||
    [pid, ...ancestorsOf(pid)].some((each) => each === process.pid || host.keyOf(each) !== null)
  );
}

/** Known without a look at any of them, so that a search costs what is not ours. */
function pidsOfAgents({ fleets }: Supervisor): Set<number> {
  const pids = new Set<number>();
  for (const { plan } of fleets.values()) {
    for (const { agent } of plan.slots.values()) {
      const run = runOf(agent);
      if (run) pids.add(run.pid);
    }
  }
  return pids;
}

/** The strays of a fleet, with those that they have forked put under them. */
function describe(
  supervisor: Supervisor,
  managed: Managed,
  alike: readonly ProcessId[],
): Omit<Found, 'likenesses'>[] {
  if (alike.length === 0) return [];
  const { host } = supervisor;
  const served = portsByInode({
    tcp: host.readPorts('tcp', ALL_PORTS),
    udp: host.readPorts('udp', ALL_PORTS),
  });
  const byPid = new Map(alike.map((process) => [process.pid, process]));
  return topmost(alike, (pid) => readStat(pid)?.parent ?? null).map(({ stray, workers }) => {
    const ports = portsOf([stray.pid, ...workers], served);
    const age = host.now() - ticksToMs(stray.startTicks);
    return {
      ...stray,
      fleet: managed.name,
      uid: readUid(stray.pid) ?? 0,
      command: readArgv(stray.pid).join(' '),
      startedAt: new Date(host.date().getTime() - age).toISOString(),
      rssBytes: readRssBytes(stray.pid),
      ports,
      slot: slotOfPorts(managed.plan.spec.ports, ports),
      workers,
      forks: workers.map((pid) => byPid.get(pid)!),
      ...readOrigin(stray.pid),
    };
  });
}

/** What processes serve, each port once: a worker has its parent's sockets too. */
function portsOf(pids: readonly number[], served: ReadonlyMap<number, Served>): Served[] {
  const ports = new Map<string, Served>();
  for (const inode of pids.flatMap(socketsOf)) {
    const port = served.get(inode);
    if (port) ports.set(`${port.protocol} ${port.port}`, port);
  }
  return [...ports.values()].sort((a, b) => a.port - b.port);
}
