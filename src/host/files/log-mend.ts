import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  renameSync,
  type Stats,
  unlinkSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { listFds, readFdInfo, readLink, statLink } from '../proc/pid.ts';
import { PROC, readRecord } from '../proc/read.ts';
import { O_PATH, openRegular } from '../sys/bounded.ts';
import { check, libc } from '../sys/libc.ts';
import { closeFd, copyFd, openPidfd } from '../sys/pidfd.ts';
import { moveInto, writeTail } from './log-bound.ts';
import { CHUNK_BYTES, type Cuts, cut, emptyFile, olderPart } from './log-parts.ts';

/**
 * Where the output of an agent goes: to its log; to its log, which had another name in between (`isCopied`: that name has
 * a copy now); to a deleted file; to a file that cannot have the log's name, because something else has; or to something
 * that the agent itself has chosen.
 */
export type Whereabouts =
  | { kind: 'here' | 'elsewhere' }
  | { kind: 'back'; from: string; isCopied: boolean }
  | { kind: 'deleted'; id: string }
  | { kind: 'blocked'; name: string };

const AT_FDCWD = -100;
const AT_SYMLINK_FOLLOW = 0x400;
const F_GETFL = 3;
const F_SETFL = 4;
const DELETED = ' (deleted)';
/** How many processes of a slot, and how many of their descriptors, are looked through for those of a log. */
const PIDS_MAX = 32;
const FDS_MAX = 1_024;

/** A log that is looked for: its path, and as `device:inode` what was last seen there; null if nothing was. */
export interface SoughtLog {
  path: string;
  known: string | null;
  /** The maximum that is copied of it. */
  bytesMax: number;
}

/**
 * The file that an agent's output goes to, as `device:inode`; null if the agent has ended. One system call
 * (proc(5), /proc/PID/fd).
 */
export function idOfOutput(pid: number, fd: 1 | 2): string | null {
  const there = statLink(pid, `fd/${fd}`);
  return there ? idOf(there) : null;
}

/**
 * Finds the file that an agent writes to, and gives it its name back if it was moved (as `mv` and logrotate without
 * copytruncate do). Whoever moved it gets what copytruncate makes: a copy under the new name, and an empty log.
 * @param cuts is changed in the turn of the cut
 * @throws Error if the disk fails; the log may have two names then
 */
export async function findOutput(
  pid: number,
  fd: 1 | 2,
  sought: SoughtLog,
  cuts: Cuts,
): Promise<Whereabouts> {
  const { path } = sought;
  const there = statLink(pid, `fd/${fd}`);
  const here = lstatSync(path, { throwIfNoEntry: false });
  if (!there) return { kind: 'elsewhere' };
  if (here?.dev === there.dev && here.ino === there.ino) return { kind: 'here' };
  const place = openOutput(pid, fd);
  if (place === null) return { kind: 'elsewhere' };
  try {
    const found = fstatSync(place);
    const name = readLink(pid, `fd/${fd}`) ?? '';
    if (!found.isFile() || !isLog(pid, found, name, sought)) return { kind: 'elsewhere' };
    if (found.nlink === 0) return { kind: 'deleted', id: idOf(found) };
    // Only in our own directory: in others, names may lead to anything.
    const isNamed = dirname(name) === dirname(path) && leadsTo(name, found);
    if (!giveName(place, path)) return { kind: 'blocked', name };
    if (isNamed) await leaveCopy(sought, name, cuts);
    return { kind: 'back', from: name, isCopied: isNamed };
  } finally {
    closeSync(place);
  }
}

/**
 * Moves what an agent has written to its deleted log to where its log should be.
 * @param id the deleted log
 * @returns false if that is no longer where its output goes
 */
export async function fetchOutput(
  pid: number,
  fd: 1 | 2,
  { id, path, bytesMax }: { id: string; path: string; bytesMax: number },
): Promise<boolean> {
  const place = openOutput(pid, fd);
  if (place === null) return false;
  try {
    const found = fstatSync(place);
    // An agent may have put another file in its place, which it can read only, and we could write to.
    if (!found.isFile() || found.nlink > 0 || idOf(found) !== id) return false;
    if (found.size === 0) return true;
    const source = openRegular(`/proc/self/fd/${place}`, true);
    try {
      await moveInto(path, source, bytesMax);
    } finally {
      closeSync(source.fd);
    }
    return true;
  } finally {
    closeSync(place);
  }
}

/**
 * Puts every descriptor that an agent, or what it forked, has of its log into append mode. The mode belongs to the open
 * file, which a copy of its descriptor shares (pidfd_getfd(2), fcntl(2)), so it holds for the agent as well.
 * @returns how many were changed; null if the kernel forbids it (ptrace_scope, a sandbox)
 */
export function makeAppending(pid: number, path: string): number | null {
  const log = lstatSync(path, { throwIfNoEntry: false });
  if (!log?.isFile()) return 0;
  let changed = 0;
  let left = FDS_MAX;
  for (const each of withForks(pid)) {
    for (const fd of listFds(each).slice(0, left)) {
      left--;
      const its = statLink(each, `fd/${fd}`);
      if (its?.dev !== log.dev || its.ino !== log.ino || !overwrites(each, Number(fd))) continue;
      try {
        if (append(each, Number(fd), log)) changed++;
      } catch {
        return null;
      }
    }
  }
  return changed;
}

/** @returns false if the descriptor is another file's by now, or its process has ended */
function append(pid: number, fd: number, log: Stats): boolean {
  const pidfd = openPidfd(pid);
  if (pidfd === null) return false;
  try {
    const own = copyFd(pidfd, fd);
    try {
      // What was copied may be anything by now: only the log's own open files are changed.
      const { dev, ino } = fstatSync(own);
      if (dev !== log.dev || ino !== log.ino) return false;
      const flags = check('fcntl', libc.fcntl(own, F_GETFL, 0));
      check('fcntl', libc.fcntl(own, F_SETFL, flags | constants.O_APPEND));
      return true;
    } finally {
      closeFd(own);
    }
  } finally {
    closeFd(pidfd);
  }
}

/** Whether a descriptor writes somewhere else than at the end. */
function overwrites(pid: number, fd: number): boolean {
  const flags = Number.parseInt(/^flags:\s+([0-7]+)$/m.exec(readFdInfo(pid, fd))?.[1] ?? '0', 8);
  const writes = (flags & (constants.O_WRONLY | constants.O_RDWR)) !== 0;
  return writes && (flags & constants.O_APPEND) === 0;
}

/** A process and what it has forked, as far as their parents still live. */
function withForks(pid: number): number[] {
  const found = [pid];
  for (let i = 0; i < found.length && found.length < PIDS_MAX; i++) {
    const children = readRecord(`${PROC}/${found[i]}/task/${found[i]}/children`) ?? '';
    found.push(
      ...children
        .split(' ')
        .map(Number)
        .filter(Boolean)
        .slice(0, PIDS_MAX - found.length),
    );
  }
  return found;
}

/** Opens the place of an agent's output, without effect on what is there; null if it has ended. */
function openOutput(pid: number, fd: number): number | null {
  try {
    return openSync(`${PROC}/${pid}/fd/${fd}`, O_PATH);
  } catch {
    return null;
  }
}

/**
 * Whether a file is the agent's log. An agent may put anything at the place of its output, and show any name for it in a
 * mount namespace of its own; so the proof is that it was seen as the log; or that its name begins with the log's, as what
 * logrotate makes does, and leads to it; or that it had the log's name, has none now, and is the agent's user's own.
 */
function isLog(pid: number, found: Stats, name: string, { path, known }: SoughtLog): boolean {
  if (idOf(found) === known) return true;
  if (!name.startsWith(path)) return false;
  if (found.nlink > 0) return leadsTo(name, found);
  return name.endsWith(DELETED) && found.uid === lstatSync(`${PROC}/${pid}`, { throwIfNoEntry: false })?.uid;
}

function leadsTo(name: string, { dev, ino }: Stats): boolean {
  const named = lstatSync(name, { throwIfNoEntry: false });
  return named?.dev === dev && named.ino === ino;
}

function idOf({ dev, ino }: Pick<Stats, 'dev' | 'ino'>): string {
  return `${dev}:${ino}`;
}

/** Gives a file the path of the log; false if something else has it, or the file system refuses. */
function giveName(place: number, path: string): boolean {
  const taken = lstatSync(path, { throwIfNoEntry: false });
  // logrotate makes an empty file in its place.
  if (taken && !(taken.isFile() && taken.size === 0)) return false;
  if (taken) unlinkSync(path);
  return libc.linkat(AT_FDCWD, `/proc/self/fd/${place}`, AT_FDCWD, path, AT_SYMLINK_FOLLOW) === 0;
}

/** Puts a copy at the name that the log was moved to, and empties the log. */
async function leaveCopy({ path, bytesMax }: SoughtLog, name: string, cuts: Cuts): Promise<void> {
  const log = openRegular(path, false);
  try {
    await writeTail(`${path}.new`, log, Math.max(0, log.size - bytesMax), CHUNK_BYTES);
    renameSync(`${path}.new`, name);
    const { size } = fstatSync(log.fd);
    emptyFile(log.fd);
    cut(cuts, size, name === olderPart(path, 1));
  } finally {
    closeSync(log.fd);
  }
}
