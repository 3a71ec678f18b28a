import { statfsSync } from 'node:fs';
import { FleetError } from '../../errors/fleet-error.ts';
import { readMemory } from '../proc/meminfo.ts';
import { getLimit } from '../sys/rlimit.ts';
import { readCgroupLimits } from './cgroups.ts';
import { Root } from './root.ts';

/** A limit on the number of something, with its use. */
export interface CountLimit {
  name: string;
  value: number;
  used: number;
}

/** Every limit on the number of processes that applies to this process: cgroups v1 and v2, kernel, user. */
export function processLimits(root = new Root()): CountLimit[] {
  const tasks = Number(/\/(\d+)/.exec(root.text('/proc/loadavg') ?? '')?.[1] ?? 0);
  const limits = [
    ...readCgroupLimits(root, 'self')
      .filter(({ controller }) => controller === 'pids')
      .map(({ directory, value, used }) => ({ name: `pids.max of ${directory}`, value, used })),
    ...['pid_max', 'threads-max'].map((name) => ({
      name: `kernel.${name}`,
      value: root.number(`/proc/sys/kernel/${name}`),
      used: tasks,
    })),
  ];
  // RLIMIT_NPROC does not bind root (getrlimit(2)); the kernel counts the user's threads, which loadavg bounds from above.
  if (process.getuid?.() !== 0) {
    limits.push({ name: 'RLIMIT_NPROC (ulimit -u)', value: getLimit('nproc').soft, used: tasks });
  }
  return limits.filter(({ value }) => Number.isFinite(value));
}

/** The distance from its value at which a limit counts as reached: counts move while they are read, and a start needs a few threads. */
const SLACK = 8;

/**
 * Describes the limit of the host that a failed call reached, with its value.
 * @param code the errno's name
 * @param path the path that was written, for limits of file systems
 * @returns null if the error does not concern a limit
 */
export function describeLimit(
  code: string,
  path: string,
  root = new Root(),
): { limit: string; hint: string } | null {
  switch (code) {
    case 'EAGAIN': {
      const limits = processLimits(root);
      const hit = limits.filter((limit) => limit.used >= limit.value - SLACK);
      const named = (hit.length > 0 ? hit : limits).map(
        (limit) => `${limit.name} = ${limit.value} (${limit.used} used)`,
      );
      return {
        limit: `no more processes: ${named.join(', ')}`,
        hint: 'Raise that limit, or lower the target.',
      };
    }
    case 'EMFILE':
      return {
        limit: `the supervisor's open files: RLIMIT_NOFILE = ${getLimit('nofile').soft}`,
        hint: 'Raise the hard limit (ulimit -Hn, LimitNOFILE=) of what starts fleetd: it needs one descriptor per agent.',
      };
    case 'ENFILE':
      return {
        limit: `the host's open files: fs.file-max = ${root.text('/proc/sys/fs/file-max')}`,
        hint: 'Raise fs.file-max.',
      };
    case 'ENOMEM': {
      const { availableBytes } = readMemory(root.proc);
      const overcommit = root.text('/proc/sys/vm/overcommit_memory');
      return {
        limit: `no memory: ${Math.floor(availableBytes / 2 ** 20)} MiB available, vm.overcommit_memory = ${overcommit}`,
        hint: 'Lower the target, or add memory.',
      };
    }
    case 'ENOSPC':
    case 'EDQUOT':
      return { limit: `no space: ${describeSpace(path)}`, hint: 'Free some space or inodes there.' };
    default:
      return null;
  }
}

function describeSpace(path: string): string {
  try {
    const { bavail, bsize, ffree } = statfsSync(path);
    return `${path} has ${bavail * bsize} bytes and ${ffree} inodes free`;
  } catch {
    return path;
  }
}

/** SQLite's primary result codes (sqlite.org/rescode.html) that the disk causes, with the errno, if known. */
const SQLITE_ERRNO: Readonly<Record<number, string>> = { 8: 'EROFS', 10: 'EIO', 13: 'ENOSPC' };
/** The call behind extended codes of SQLITE_IOERR. */
const SQLITE_CALLS: Readonly<Record<number, string>> = {
  266: 'read',
  778: 'write',
  1034: 'fsync',
  1290: 'fsync of the directory',
  1546: 'truncate',
  2570: 'delete',
};
/** What to do if the disk itself is at fault. */
const DISK_HINTS: Readonly<Record<string, string>> = {
  EIO: 'The disk fails; see dmesg. Agents continue; move the state directory to a working disk.',
  EROFS: 'The file system is mounted read-only; see dmesg for the reason, then run mount -o remount,rw.',
};

type HostFailure = Partial<NodeJS.ErrnoException> & { errcode?: number; command?: string; stderr?: string };

/** The errno of a failed call, even if SQLite made it; empty if the error comes from no system call. */
function errnoOf({ code = '', errcode }: HostFailure): string {
  if (errcode !== undefined) return SQLITE_ERRNO[errcode & 0xff] ?? '';
  return /^E[A-Z0-9]+$/.test(code) ? code : '';
}

/**
 * Turns a failed call into an error for users: the action that failed, and the limit with its value if one was reached.
 * A FleetError stays unchanged.
 * @param what the action that failed, with its path
 */
export function explainFailure(what: string, error: unknown, path: string): FleetError {
  if (error instanceof FleetError) return error;
  const failure = error as HostFailure;
  const errno = errnoOf(failure);
  const found = describeLimit(errno, path);
  if (found)
    return new FleetError('LIMIT_REACHED', `${what}: ${found.limit}`, { hint: found.hint, cause: error });
  const hint = DISK_HINTS[errno];
  return new FleetError('STATE_UNUSABLE', `${what}: ${wordsOf(failure)}`, {
    ...(hint !== undefined && { hint }),
    cause: error,
  });
}

function wordsOf({ message = '', errcode, stderr }: HostFailure): string {
  if (errcode !== undefined)
    return `${message}${errcode in SQLITE_CALLS ? ` (${SQLITE_CALLS[errcode]})` : ''}`;
  return stderr ? stderr.trim() : message;
}

/**
 * Names a failure that has no name yet: one of a system call, of SQLite or of a command that was run is the host's. This
 * is the last resort, because code that knows the action describes it better.
 * @returns null for a defect
 */
export function nameFailure(error: unknown): FleetError | null {
  if (error instanceof FleetError) return error;
  const { syscall, path, dest, errcode, command } = error as HostFailure & { dest?: string };
  if (syscall !== undefined || errcode !== undefined) {
    const places = [path, dest].filter((place) => place !== undefined).join(' to ');
    const what = syscall ?? 'use a database';
    return explainFailure(`cannot ${what}${places && ` ${places}`}`, error, path ?? '/');
  }
  return command === undefined ? null : explainFailure(`${command} failed`, error, '/');
}

/** Does something with a file, and names its failures. @throws FleetError as explainFailure() makes it */
export function onDisk<T>(what: string, path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw explainFailure(`cannot ${what} ${path}`, error, path);
  }
}
