import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Stray } from '../../api/strays.ts';
import type { ProcessId } from '../../fleet/agent.ts';
import { runOf } from '../../fleet/agent.ts';
import { type Fingerprint, matchesFingerprint, mayMatchFingerprint } from '../../fleet/strays/fingerprint.ts';
import { chooseFleets, slotOfPorts, topmost } from '../../fleet/strays/placement.ts';
import type { OtherProcesses, Suspected } from '../../host/host.ts';
import { ALL_PORTS, portsByInode, type ServedPorts } from '../../host/proc/port-table.ts';
import { ticksToMs } from '../../host/sys/process-id.ts';
import type { FleetRunner } from '../fleet/runner.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { fingerprintsOf } from './fingerprint.ts';
import { interrogate, type StrayCandidate } from './interrogate.ts';
import { judgeUser } from './users.ts';

/** The number of processes that are inspected per turn of the loop. */
const INSPECTED_PER_TURN = 256;

/** A stray with the data needed to act on it. */
export interface FoundStray extends Stray {
  fingerprints: readonly Fingerprint[];
  /** Its real, effective and saved uid. */
  uids: readonly number[];
  /** Its workers, identified for certain. */
  forks: readonly ProcessId[];
}

/** The result of a search, with the number of processes that could not be judged because they did not answer. */
export interface StraySearch {
  found: FoundStray[];
  unanswered: number;
}

/** A process that could be an agent of some fleets, by its executable. */
interface Resembling extends StrayCandidate {
  fleets: readonly Fingerprinted[];
}

interface Fingerprinted {
  runner: FleetRunner;
  fingerprints: readonly Fingerprint[];
  alike: Judged[];
}

/** A process that looks like an agent, with its words. */
type Judged = ProcessId & { argv: readonly string[] };

/**
 * Finds the processes that look like agents of these fleets, but belong to no slot of any supervisor on this host.
 * @param fleet the fleet that is asked about; null for all
 */
export async function findStrays(supervisor: Supervisor, fleet: string | null): Promise<StraySearch> {
  const fleets: Fingerprinted[] = [];
  for (const runner of supervisor.fleets.values())
    fleets.push({ runner, fingerprints: await fingerprintsOf(runner, supervisor.host), alike: [] });
  const seen = await inspectAll(supervisor, fleets);
  const { suspects, unanswered } = await interrogate(
    supervisor.host.files.reader,
    seen,
    supervisor.paths.stateDir,
  );
  for (const [i, { process, fleets: possible }] of seen.entries()) {
    const suspect = suspects[i];
    if (!suspect) continue;
    for (const { fingerprints, alike } of possible)
      if (isStray(supervisor, process.pid, suspect, fingerprints))
        alike.push({ ...process, argv: suspect.argv });
  }
  const claims = fleets.flatMap(({ runner, fingerprints, alike }) =>
    describe(supervisor, runner, alike).map((found) => ({ ...found, fingerprints })),
  );
  return { found: chooseFleets(claims, fleet), unanswered };
}

/** Inspects all processes by what is cheap, and never waits for one: most do not resemble an agent. */
async function inspectAll(supervisor: Supervisor, fleets: readonly Fingerprinted[]): Promise<Resembling[]> {
  const agents = pidsOfAgents(supervisor);
  const { others } = supervisor.host.processes;
  const seen: Resembling[] = [];
  let inspected = 0;
  for (const pid of others.list()) {
    if (agents.has(pid)) continue;
    if (++inspected % INSPECTED_PER_TURN === 0) await nextTurn();
    const executable = others.executableOf(pid);
    const possible = executable && fleets.filter(({ fingerprints }) => fingerprints.some(couldBe));
    function couldBe(fingerprint: Fingerprint): boolean {
      return mayMatchFingerprint(fingerprint, executable!);
    }
    const process = possible && possible.length > 0 ? others.identify(pid) : null;
    if (process) seen.push({ process, executable: executable!, fleets: possible! });
  }
  return seen;
}

/**
 * Which of these strays still are: one may have ended, executed something else, or been adopted.
 */
export async function stillStrays<T extends ProcessId>(
  supervisor: Supervisor,
  strays: readonly T[],
  fingerprints: readonly Fingerprint[],
): Promise<T[]> {
  const there = strays.flatMap((stray) => {
    const executable = supervisor.host.processes.others.executableOf(stray.pid);
    const { pid, startTicks } = stray;
    return executable ? [{ stray, process: { pid, startTicks }, executable }] : [];
  });
  const { suspects } = await interrogate(supervisor.host.files.reader, there, supervisor.paths.stateDir);
  return there
    .filter(({ process }, i) => suspects[i] && isStray(supervisor, process.pid, suspects[i], fingerprints))
    .map(({ stray }) => stray);
}

function isStray(
  supervisor: Supervisor,
  pid: number,
  suspect: Suspected,
  fingerprints: readonly Fingerprint[],
): boolean {
  return (
    fingerprints.some((fingerprint) => matchesFingerprint(fingerprint, suspect)) &&
    !suspect.isSupervised &&
    !isOfOurs(supervisor, pid)
  );
}

/** Whether this supervisor runs a process, as an agent, its fork or an errand. */
function isOfOurs({ host }: Supervisor, pid: number): boolean {
  const { processes } = host;
  const chain = [pid, ...processes.others.ancestorsOf(pid)];
  return chain.some((each) => each === process.pid || processes.keyOf(each) !== null);
}

/** The pids of agents, without inspecting them, so that the cost of a search follows what is not ours. */
function pidsOfAgents({ fleets }: Supervisor): Set<number> {
  const pids = new Set<number>();
  for (const { fleet } of fleets.values()) {
    for (const { agent } of fleet.slots.values()) {
      const run = runOf(agent);
      if (run) pids.add(run.pid);
    }
  }
  return pids;
}

/** The strays of a fleet, each with the processes that it forked. */
function describe(
  supervisor: Supervisor,
  runner: FleetRunner,
  alike: readonly Judged[],
): Omit<FoundStray, 'fingerprints'>[] {
  if (alike.length === 0) return [];
  const { host } = supervisor;
  const { others } = host.processes;
  const served = portsByInode({
    tcp: host.sockets.readPorts('tcp', ALL_PORTS),
    udp: host.sockets.readPorts('udp', ALL_PORTS),
  });
  const byPid = new Map(alike.map((process) => [process.pid, process]));
  return topmost(alike, (pid) => others.parentOf(pid)).map(({ stray, workers }) => {
    const ports = portsOf(others, [stray.pid, ...workers], served);
    const age = host.now() - ticksToMs(stray.startTicks);
    const { pid, startTicks, argv } = stray;
    const uids = others.uidsOf(pid);
    const slot = slotOfPorts(runner.fleet.spec, ports);
    return {
      pid,
      startTicks,
      fleet: runner.name,
      uid: uids[0] ?? 0,
      uids,
      command: argv.join(' '),
      startedAt: new Date(host.date().getTime() - age).toISOString(),
      rssBytes: others.rssBytes(stray.pid),
      ports: distinct(ports),
      slot,
      refused: judgeUser(host.processes.users, runner.fleet.spec, { uids, slot }).refused,
      workers,
      forks: workers.map((worker) => byPid.get(worker)!),
      ...others.originOf(pid),
    };
  });
}

/** Ports without their addresses, each once. */
function distinct(ports: readonly ServedPorts[]): Stray['ports'] {
  const byText = new Map(ports.map(({ protocol, port }) => [`${protocol} ${port}`, { protocol, port }]));
  return [...byText.values()];
}

/** The ports that processes serve, each once: a worker has its parent's sockets too. */
function portsOf(
  others: OtherProcesses,
  pids: readonly number[],
  served: ReadonlyMap<number, ServedPorts>,
): ServedPorts[] {
  const ports = new Map<string, ServedPorts>();
  for (const inode of pids.flatMap((pid) => others.socketsOf(pid))) {
    const port = served.get(inode);
    if (port) ports.set(`${port.protocol} ${port.port} ${port.address}`, port);
  }
  return [...ports.values()].sort((a, b) => a.port - b.port);
}
