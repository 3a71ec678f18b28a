import { existsSync, statfsSync } from 'node:fs';
import type { CgroupLimit, Disk, HostFacts } from '../../doctor/facts.ts';
import { SYSCTLS } from '../../doctor/facts.ts';
import { readMemory } from '../proc/meminfo.ts';
import { libc } from '../sys/libc.ts';
import { SYSTEM_PATH } from '../sys/system-command.ts';
import { readCgroupLimits } from './cgroups.ts';
import { limitIn, readInherited } from './inherited.ts';
import { Root } from './root.ts';

export interface FactsOptions {
  directories: { stateDir: string; runtimeDir: string };
  /** The supervisor, if one runs, whose limits apply to the agents; after it agents, for their cgroups. */
  pids?: readonly number[];
  /** The root of the host's files; absent: this host. */
  root?: string;
}

/**
 * Reads the quick facts of a host: a few dozen small files, without inspecting processes. Costs some milliseconds.
 * `survey` is null; `readSurvey` determines what takes longer.
 */
export function readHostFacts({ directories, pids = [], root: path }: FactsOptions): HostFacts {
  const root = new Root(path);
  const who = pids[0] ?? 'self';
  const rlimits = readLimits(root, who);
  const uid = uidOf(root, who);
  return {
    uid,
    pageBytes: libc.getpagesize(),
    sysctls: readSysctls(root),
    memory: readMemory(root.proc),
    used: readUsed(root),
    rlimits,
    inherited: readInherited(root, who),
    bubblewrap: bubblewrapIn(root),
    cgroups: cgroupsAbove(root, pids, uid),
    namespaces: foreignNamespaces(root, who),
    container: containerKind(root),
    disks: [
      diskOf(root, 'state', directories.stateDir),
      diskOf(root, 'runtime', directories.runtimeDir),
    ].filter((disk) => disk !== null),
    survey: null,
  };
}

/** A supervisor's tree of cgroups with its content: its limits come from the fleet itself, not from the host. */
const OWN_TREE = /\/fleetd-[0-9a-f]{12}(\/|$)/;

/** Root starts its supervisor outside its session's cgroups of version 2. */
function cgroupsAbove(root: Root, pids: readonly number[], uid: number): CgroupLimit[] {
  const limits =
    pids.length === 0
      ? readCgroupLimits(root, 'self').map((limit) => ({
          ...limit,
          isLeft: uid === 0 && limit.version === 2,
        }))
      : pids.flatMap((pid) => readCgroupLimits(root, pid));
  const foreign = limits.filter(({ directory }) => !OWN_TREE.test(directory));
  return [...new Map(foreign.map((limit) => [`${limit.directory}/${limit.file}`, limit])).values()];
}

function readSysctls(root: Root): HostFacts['sysctls'] {
  return Object.fromEntries(
    SYSCTLS.flatMap((name) => {
      const text = root.text(`/proc/sys/${name.replaceAll('.', '/')}`);
      return text === null ? [] : [[name, text.replaceAll('\t', ' ')]];
    }),
  );
}

function readUsed(root: Root): HostFacts['used'] {
  const connections = root.number('/proc/sys/net/netfilter/nf_conntrack_count');
  return {
    // `0.00 0.01 0.05 2/345 6789`: 345 is the number of tasks (proc_loadavg(5)).
    tasks: Number(/\/(\d+)/.exec(root.text('/proc/loadavg') ?? '')?.[1] ?? 0),
    files: root.number('/proc/sys/fs/file-nr') || 0,
    connections: Number.isFinite(connections) ? connections : null,
  };
}

/** The effective uid, which is the second of the four in /proc/PID/status. */
function uidOf(root: Root, who: number | 'self'): number {
  const found = /^Uid:\s+\d+\s+(\d+)/m.exec(root.text(`/proc/${who}/status`) ?? '')?.[1];
  return found === undefined ? process.geteuid!() : Number(found);
}

/** The limits of a process that decide how many agents it can have. */
function readLimits(root: Root, who: number | 'self'): HostFacts['rlimits'] {
  const text = root.text(`/proc/${who}/limits`) ?? '';
  return { nofile: limitIn(text, 'Max open files'), nproc: limitIn(text, 'Max processes') };
}

/** Inode numbers of the host's own namespaces (linux/proc_ns.h), which are the same on every machine. */
const OWN_NAMESPACES = {
  cgroup: 'cgroup:[4026531835]',
  pid: 'pid:[4026531836]',
  time: 'time:[4026531834]',
  user: 'user:[4026531837]',
} as const;

function foreignNamespaces(root: Root, who: number | 'self'): string[] {
  return Object.entries(OWN_NAMESPACES).flatMap(([name, own]) => {
    const link = root.link(`/proc/${who}/ns/${name}`);
    return link === null || link === own ? [] : [name];
  });
}

function bubblewrapIn(root: Root): string | null {
  const places = SYSTEM_PATH.split(':').map((directory) => `${directory}/bwrap`);
  return places.find((place) => existsSync(root.path + place)) ?? null;
}

/** The kind of container, by the files that container managers leave (systemd-detect-virt(1) reads the same). */
function containerKind(root: Root): string | null {
  const named = root.text('/run/systemd/container');
  if (named) return named;
  if (root.list('/').includes('.dockerenv')) return 'docker';
  if (root.list('/run').includes('.containerenv')) return 'podman';
  return /(?:^|\0)container=([^\0]+)/.exec(root.text('/proc/1/environ') ?? '')?.[1] ?? null;
}

/** The file system that holds, or will hold, a directory. */
function diskOf(root: Root, holds: Disk['holds'], directory: string): Disk | null {
  for (let path = directory; ; path = path.slice(0, path.lastIndexOf('/'))) {
    try {
      const { bavail, bsize, files, ffree } = statfsSync(root.path + (path || '/'));
      return { holds, path: path || '/', freeBytes: bavail * bsize, freeInodes: files === 0 ? null : ffree };
    } catch {
      if (path === '') return null;
    }
  }
}
