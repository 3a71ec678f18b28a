import { ANCESTORS_MAX } from '../../fleet/strays/placement.ts';
import { PORT_MAX } from '../../specification/ports.ts';
import type { PortTable, Protocol } from '../proc/net.ts';
import { listFds, readCommand, readLink } from '../proc/pid.ts';
import { readProc, readProcText } from '../proc/read.ts';
import { readStat } from '../proc/stat.ts';

/** The pids of a process's parent, that one's parent, and so on up to 1. */
export function ancestorsOf(pid: number): number[] {
  const chain: number[] = [];
  for (let at = readStat(pid)?.parent ?? 0; at > 0 && chain.length < ANCESTORS_MAX; ) {
    chain.push(at);
    at = readStat(at)?.parent ?? 0;
  }
  return chain;
}

/** Who started a process. */
export interface Origin {
  parents: { pid: number; name: string }[];
  cgroup: string | null;
  unit: string | null;
}

/** Tells who started a process, as far as that can still be seen: parents that have ended leave no trace. */
export function readOrigin(pid: number): Origin {
  const cgroup = parseSystemdCgroup(readProcText(`/proc/${pid}/cgroup`) ?? '');
  const parents = ancestorsOf(pid).map((parent) => ({ pid: parent, name: readCommand(parent) }));
  return { parents, cgroup, unit: cgroup && unitOf(cgroup) };
}

/** A process's place in the hierarchy that systemd manages: v2, or `name=systemd` beside v1 (cgroups(7)). */
export function parseSystemdCgroup(text: string): string | null {
  const v1 = /^\d+:name=systemd:(.*)$/m.exec(text)?.[1];
  const v2 = /^0::(.*)$/m.exec(text)?.[1];
  return (v1 && v1 !== '/' ? v1 : v2) ?? v1 ?? null;
}

/** The unit that a cgroup belongs to: the innermost service or scope in its path (systemd.unit(5)). */
export function unitOf(cgroup: string): string | null {
  return cgroup.split('/').findLast((name) => /.\.(service|scope)$/.test(name)) ?? null;
}

/** The users that a process runs as, or can become: its real, effective and saved uid (proc_pid_status(5)); empty where it is gone. */
export function readUids(pid: number): number[] {
  const status = readProc(`/proc/${pid}/status`)?.toString('latin1') ?? '';
  return (/^Uid:\s+(\d+)\s+(\d+)\s+(\d+)/m.exec(status) ?? []).slice(1).map(Number);
}

/** The inodes of the sockets that a process holds, as /proc/net names them. */
export function socketsOf(pid: number): number[] {
  return listFds(pid).flatMap((fd) => {
    const inode = /^socket:\[(\d+)\]$/.exec(readLink(pid, `fd/${fd}`) ?? '')?.[1];
    return inode === undefined ? [] : [Number(inode)];
  });
}

/** A port that somebody serves. */
export interface ServedPorts {
  protocol: Protocol;
  port: number;
}

/** Turns tables of ports round: which port each socket serves, by its inode. */
export function portsByInode(tables: Readonly<Record<Protocol, PortTable>>): Map<number, ServedPorts> {
  const ports = new Map<number, ServedPorts>();
  for (const protocol of ['tcp', 'udp'] as const) {
    for (let port = 1; port <= PORT_MAX; port++) {
      for (const inode of tables[protocol].inodes(port)) ports.set(inode, { protocol, port });
    }
  }
  return ports;
}
