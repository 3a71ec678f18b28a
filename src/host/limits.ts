import { statfsSync } from 'node:fs';
import { FleetError } from '../errors.ts';
import { readCgroupLimits } from './facts-cgroups.ts';
import { Root } from './facts-root.ts';
import { readProcText } from './proc/read.ts';
import { getLimit } from './rlimit.ts';

/** A limit on how many of something there may be, and how much of it is used. */
export interface CountLimit {
  name: string;
  value: number;
  used: number;
}

/** Every limit on the number of processes that applies to this one: cgroups v1 and v2, kernel, user. */
export function processLimits(): CountLimit[] {
  const root = new Root();
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

/** How near its value a limit counts as hit: counts move while they are read, and a start needs a thread or two. */
const SLACK = 8;

/**
 * Says which limit of the host a failed call ran into, with its value.
 * @param code the errno's name
 * @param path what was being written, for limits of file systems
 * @returns null where the error is no matter of limits
 */
export function describeLimit(code: string, path: string): { limit: string; hint: string } | null {
  switch (code) {
    case 'EAGAIN': {
      const limits = processLimits();
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
        hint: 'Raise the hard limit (ulimit -Hn, LimitNOFILE=) of what starts fleetd: it needs one descriptor for each agent.',
      };
    case 'ENFILE':
      return {
        limit: `the host's open files: fs.file-max = ${readProcText('/proc/sys/fs/file-max')}`,
        hint: 'Raise fs.file-max.',
      };
    case 'ENOMEM': {
      const available = /^MemAvailable:\s+(\d+)/m.exec(readProcText('/proc/meminfo') ?? '')?.[1];
      const overcommit = readProcText('/proc/sys/vm/overcommit_memory');
      return {
        limit: `no memory: ${Math.floor(Number(available) / 1024)} MiB available, vm.overcommit_memory = ${overcommit}`,
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

/** SQLite's primary result code for a full disk (sqlite.org/rescode.html). */
const SQLITE_FULL = 13;

/**
 * Turns a failed call into an error for people: what could not be done, and the limit with its value where one was hit.
 * An error that is for people already stays as it is.
 */
export function explainFailure(what: string, error: unknown, path: string): FleetError {
  if (error instanceof FleetError) return error;
  const { code, errcode, message } = error as NodeJS.ErrnoException & { errcode?: number };
  const errno = errcode !== undefined && (errcode & 0xff) === SQLITE_FULL ? 'ENOSPC' : (code ?? '');
  const found = describeLimit(errno, path);
  if (found)
    return new FleetError('LIMIT_REACHED', `${what}: ${found.limit}`, { hint: found.hint, cause: error });
  return new FleetError('STATE_UNUSABLE', `${what}: ${message}`, { cause: error });
}
