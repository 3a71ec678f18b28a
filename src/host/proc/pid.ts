import { readdirSync, readlinkSync } from 'node:fs';
import { libc } from '../libc.ts';
import { isGone, readProc } from './read.ts';

const PAGE_BYTES = libc.getpagesize();

/** All pids that this process may see. */
export function listPids(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0);
}

/** Where a link of /proc/PID (exe, cwd, fd/1) points to; null where the process is gone or closed to us. */
export function readLink(pid: number, name: string): string | null {
  try {
    return readlinkSync(`/proc/${pid}/${name}`);
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

/**
 * Which descriptor of a process is one of these sockets, by the inodes that /proc/net names; null where none is.
 * @param guess the descriptor to look at first: among like processes it mostly is the same
 */
export function findSocketFd(pid: number, inodes: readonly number[], guess: string | null): string | null {
  const wanted = new Set(inodes.map((inode) => `socket:[${inode}]`));
  const isWanted = (fd: string) => wanted.has(readLink(pid, `fd/${fd}`) ?? '');
  if (guess !== null && isWanted(guess)) return guess;
  return listFds(pid).find(isWanted) ?? null;
}

/** The numbers of a process's descriptors; empty where it is gone or closed to us. */
export function listFds(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** Resident memory in bytes, from the second field of /proc/PID/statm (pages); null where the process is gone. */
export function readRssBytes(pid: number): number | null {
  const pages = readProc(`/proc/${pid}/statm`)?.toString('latin1').split(' ')[1];
  return pages === undefined ? null : Number(pages) * PAGE_BYTES;
}

/**
 * Proportional memory in bytes (shared pages divided by those who share them), from /proc/PID/smaps_rollup;
 * null where the process is gone or not for us to read. Costs some 50 µs, five times as much as RSS.
 */
export function readPssBytes(pid: number): number | null {
  const found = /^Pss:\s+(\d+) kB$/m.exec(readProc(`/proc/${pid}/smaps_rollup`)?.toString('latin1') ?? '');
  return found ? Number(found[1]) * 1024 : null;
}

/** The command name, for messages. */
export function readCommand(pid: number): string {
  return readProc(`/proc/${pid}/comm`)?.toString('utf8').trim() ?? 'unknown';
}
