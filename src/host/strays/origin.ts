import { ANCESTORS_MAX } from '../../fleet/strays/placement.ts';
import { readCgroups } from '../proc/cgroup.ts';
import { listFds, readCommand, readLink } from '../proc/pid.ts';
import { readStat } from '../proc/stat.ts';

/** The pids of a process's ancestors, its parent first, up to 1. */
export function ancestorsOf(pid: number): number[] {
  const chain: number[] = [];
  for (let at = readStat(pid)?.parent ?? 0; at > 0 && chain.length < ANCESTORS_MAX; ) {
    chain.push(at);
    at = readStat(at)?.parent ?? 0;
  }
  return chain;
}

/** How a process was started. */
export interface Origin {
  parents: { pid: number; name: string }[];
  cgroup: string | null;
  unit: string | null;
}

/** Reads how a process was started, if that is still visible: parents that have ended leave no trace. */
export function readOrigin(pid: number): Origin {
  const cgroup = parseSystemdCgroup(readCgroups(pid) ?? '');
  const parents = ancestorsOf(pid).map((parent) => ({ pid: parent, name: readCommand(parent) }));
  return { parents, cgroup, unit: cgroup && unitOf(cgroup) };
}

/** A process's place in the hierarchy that systemd manages: v2, or `name=systemd` next to v1 (cgroups(7)). */
export function parseSystemdCgroup(text: string): string | null {
  const v1 = /^\d+:name=systemd:(.*)$/m.exec(text)?.[1];
  const v2 = /^0::(.*)$/m.exec(text)?.[1];
  return (v1 && v1 !== '/' ? v1 : v2) ?? v1 ?? null;
}

/** The unit that a cgroup belongs to: the innermost service or scope in its path (systemd.unit(5)). */
export function unitOf(cgroup: string): string | null {
  return cgroup.split('/').findLast((name) => /.\.(service|scope)$/.test(name)) ?? null;
}

/** The inodes of the sockets that a process holds, as /proc/net names them. */
export function socketsOf(pid: number): number[] {
  return listFds(pid).flatMap((fd) => {
    const inode = /^socket:\[(\d+)\]$/.exec(readLink(pid, `fd/${fd}`) ?? '')?.[1];
    return inode === undefined ? [] : [Number(inode)];
  });
}
