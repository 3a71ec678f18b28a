import { pathsIn, SOCKET_PATH_BYTES_MAX } from '../../specification/paths.ts';
import { SLOT_MAX } from '../../specification/slots.ts';
import { formatSize } from '../../specification/units.ts';
import type { Demand, Needs } from '../demand.ts';
import type { Disk } from '../facts.ts';
import { agentsWithin, type Finding, type Judge } from '../finding.ts';

/** The maximum number of stream connections of journald (STDOUT_STREAMS_MAX). */
export const JOURNAL_STREAMS_MAX = 4_096;
/** An agent's directory below the runtime directory, and its socket. */
const RUNTIME_INODES = 2;

/** Space for the agents' directories and logs. */
export const space: Judge = (demand, { disks }) =>
  disks
    .filter(({ holds }) => holds === 'state')
    .map((disk) =>
      judgeFree(demand, disk, {
        limit: 'space',
        free: disk.freeBytes,
        each: { likely: demand.likely.diskBytes, least: demand.least.diskBytes },
        why: `${formatSize(demand.likely.diskBytes)} per agent for its log (${demand.basis.diskBytes}), plus what it writes itself; ${formatSize(disk.freeBytes)} free.`,
        fix: 'free some space there, lower logs.maxSize, or move FLEETD_STATE_DIR',
      }),
    );

/** Inodes for directories, logs and sockets; file systems that create them as needed have no limit. */
export const inodes: Judge = (demand, { disks }) =>
  disks.flatMap((disk) => {
    if (disk.freeInodes === null) return [];
    const { likely, least } = disk.holds === 'state' ? demand : RUNTIME_NEEDS;
    return [
      judgeFree(demand, disk, {
        limit: 'inodes',
        free: disk.freeInodes,
        each: { likely: likely.inodes, least: least.inodes },
        why: `${likely.inodes} per agent for ${disk.holds === 'state' ? 'its directory, its log and what it writes' : 'its directory and its socket'}.`,
        fix: `remove files there, or move ${disk.holds === 'state' ? 'FLEETD_STATE_DIR' : 'FLEETD_RUNTIME_DIR'}`,
      }),
    ];
  });

const RUNTIME_NEEDS: Record<'likely' | 'least', Pick<Needs, 'inodes'>> = {
  likely: { inodes: RUNTIME_INODES },
  least: { inodes: RUNTIME_INODES },
};

/**
 * Judges what is free now, without the share of running agents. The likely need is an upper bound here (a log at its
 * maximum size), so the ceiling is computed from the minimum.
 */
function judgeFree(
  { agents, running }: Demand,
  { holds, path }: Disk,
  {
    limit,
    free,
    each,
    why,
    fix,
  }: {
    limit: string;
    free: number;
    each: Record<'likely' | 'least', number>;
    why: string;
    fix: string;
  },
): Finding {
  const more = Math.max(0, agents - running);
  const isImpossible = more > agentsWithin(free, each.least);
  const isTight = more > agentsWithin(free, each.likely);
  const agentsMax = running + agentsWithin(free, each.least);
  return {
    limit: `${limit} of the ${holds} directory`,
    verdict: isImpossible ? 'fail' : isTight ? 'warn' : 'ok',
    needed: Math.ceil(more * each.likely),
    have: free,
    source: path,
    why,
    fix: isImpossible || isTight ? fix : null,
    agentsMax: Number.isFinite(agentsMax) ? agentsMax : null,
    ...(limit === 'space' && { unit: 'bytes' as const }),
  };
}

/** The path of the highest slot's socket, which holds at most 107 bytes (unix(7)). */
export const socketPath: Judge = ({ agents, fleet, directories }) => {
  if (directories === null || fleet === null || agents === 0) return [];
  const { agentSocket } = pathsIn(directories.stateDir, directories.runtimeDir);
  const bytesOf = (slot: number) => new TextEncoder().encode(agentSocket(fleet, slot)).length;
  const digitsMax = SOCKET_PATH_BYTES_MAX - bytesOf(0) + 1;
  const agentsMax = digitsMax < 1 ? 0 : Math.min(10 ** digitsMax, SLOT_MAX + 1);
  const isLong = agents > agentsMax;
  return [
    {
      limit: 'socket path',
      verdict: isLong ? 'fail' : 'ok',
      needed: bytesOf(agents - 1),
      have: SOCKET_PATH_BYTES_MAX,
      source: agentSocket(fleet, agents - 1),
      why: 'The maximum length of a Unix socket path, in bytes.',
      fix: isLong ? 'set FLEETD_RUNTIME_DIR to a shorter directory, or give the fleet a shorter name' : null,
      agentsMax,
    },
  ];
};

/** journald's streams: each agent with `logs: { to: journal }` needs one. */
export const journalStreams: Judge = ({ agents, logsTo }) =>
  logsTo !== 'journal'
    ? []
    : [
        {
          limit: 'journald streams',
          verdict: agents > JOURNAL_STREAMS_MAX ? 'fail' : 'ok',
          needed: agents,
          have: JOURNAL_STREAMS_MAX,
          source: 'systemd-journald, a constant of its build',
          why: 'With logs.to: journal, every agent has a stream to journald.',
          fix: agents > JOURNAL_STREAMS_MAX ? 'use logs: { to: file }' : null,
          agentsMax: JOURNAL_STREAMS_MAX,
        },
      ];
