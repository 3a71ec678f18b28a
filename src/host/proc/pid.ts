import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { fileId } from '../sys/file-id.ts';
import { libc } from '../sys/libc.ts';
import { isGone, PROC, readProc, readProcHead, readRecord } from './read.ts';

const PAGE_BYTES = libc.getpagesize();

/** All pids that this process may see. */
export function listPids(proc = PROC): number[] {
  return readdirSync(proc)
    .map(Number)
    .filter((pid) => pid > 0);
}

/** The target of a link of /proc/PID (exe, cwd, fd/1); null if the process is gone or inaccessible. */
export function readLink(pid: number | 'self', name: string, proc = PROC): string | null {
  try {
    return readlinkSync(`${proc}/${pid}/${name}`);
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

/**
 * The descriptor of a process that is one of these sockets, by the inodes in /proc/net; null if there is none.
 * @param guess the descriptor to try first: among like processes it is mostly the same
 */
export function findSocketFd(
  pid: number,
  inodes: readonly number[],
  guess: string | null,
  proc = PROC,
): string | null {
  const wanted = new Set(inodes.map((inode) => `socket:[${inode}]`));
  const isWanted = (fd: string) => wanted.has(readLink(pid, `fd/${fd}`, proc) ?? '');
  if (guess !== null && isWanted(guess)) return guess;
  return listFds(pid, proc).find(isWanted) ?? null;
}

/** The file that a process executes, as `device:inode`; null if it is gone, inaccessible, a kernel thread or a zombie. */
export function executableId(pid: number, proc = PROC): string | null {
  return fileId(`${proc}/${pid}/exe`);
}

/** The numbers of a process's descriptors; empty if it is gone or inaccessible. */
export function listFds(pid: number, proc = PROC): string[] {
  try {
    return readdirSync(`${proc}/${pid}/fd`);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** The pid namespace of a process, as the kernel names it; null if the process is gone or inaccessible. */
export function pidNamespaceOf(pid: number | 'self', proc = PROC): string | null {
  return readLink(pid, 'ns/pid', proc);
}

/** The number of open descriptors of a process; null if it is gone or inaccessible. */
export function countFds(pid: number, proc = PROC): number | null {
  try {
    return readdirSync(`${proc}/${pid}/fd`).length;
  } catch {
    return null;
  }
}

/** Resident memory in bytes, from the second field of /proc/PID/statm (pages); null if the process is gone. */
export function readRssBytes(pid: number, proc = PROC): number | null {
  const pages = readRecord(`${proc}/${pid}/statm`)?.split(' ')[1];
  return pages === undefined ? null : Number(pages) * PAGE_BYTES;
}

/**
 * Proportional memory in bytes (shared pages divided by the number of processes that share them), from
 * /proc/PID/smaps_rollup; null if the process is gone or inaccessible. Costs some 50 µs, five times as much as RSS.
 */
export function readPssBytes(pid: number, proc = PROC): number | null {
  const found = /^Pss:\s+(\d+) kB$/m.exec(readProc(`${proc}/${pid}/smaps_rollup`)?.toString('latin1') ?? '');
  return found ? Number(found[1]) * 1024 : null;
}

/** The command name, for messages. */
export function readCommand(pid: number, proc = PROC): string {
  return readProc(`${proc}/${pid}/comm`)?.toString('utf8').trim() ?? 'unknown';
}

/** The kernel's notes about a descriptor (proc_pid_fdinfo(5)); empty if it or its process is gone. */
export function readFdInfo(pid: number, fd: string | number, proc = PROC): string {
  return readProc(`${proc}/${pid}/fdinfo/${fd}`)?.toString('utf8').trim() ?? '';
}

/** The file that a link of /proc/PID leads to; null if there is none, or it is inaccessible. */
export function statLink(
  pid: number | 'self',
  name: string,
  proc = PROC,
): { dev: number; ino: number } | null {
  try {
    return statSync(`${proc}/${pid}/${name}`);
  } catch {
    return null;
  }
}

/**
 * The words of a process, NUL after each (proc_pid_cmdline(5)); null if it is gone. They are pages of its own memory, so
 * it can block their reader.
 */
export function readWords(pid: number, bytesMax: number, proc = PROC): Buffer | null {
  return readProcHead(`${proc}/${pid}/cmdline`, bytesMax);
}

/** The environment that a process was started with (proc_pid_environ(5)), as readWords() reads. */
export function readEnvironment(pid: number, bytesMax: number, proc = PROC): string[] {
  return readProcHead(`${proc}/${pid}/environ`, bytesMax)?.toString('utf8').split('\0') ?? [];
}

/** A path as a process sees it, in its own mount namespace and root. */
export function pathSeenBy(pid: number, path: string, proc = PROC): string {
  return `${proc}/${pid}/root${path}`;
}
