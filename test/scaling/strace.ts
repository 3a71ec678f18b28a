import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** Why system calls cannot be counted here; null where they can. */
export const NO_STRACE = reasonAgainst();

/**
 * What the runtime does at times of its own: collecting garbage, and threads that wait for each other. How often says
 * nothing about the work.
 */
const RUNTIME = new Set([
  'brk',
  'futex',
  'madvise',
  'mmap',
  'mprotect',
  'mremap',
  'munmap',
  'restart_syscall',
  'sched_yield',
]);

/**
 * Counts the system calls of a process, not of its children, while something is done.
 * @param path of a file for strace's table
 * @returns how often each was called, without those of the runtime
 */
export async function countCalls(
  pid: number,
  path: string,
  work: () => Promise<void>,
): Promise<Map<string, number>> {
  const threads = readdirSync(`/proc/${pid}/task`);
  const attach = threads.flatMap((thread) => ['-p', thread]);
  const strace = spawn('strace', ['-c', '-o', path, ...attach], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(strace, 'exit');
  try {
    let attached = 0;
    for await (const line of createInterface(strace.stderr)) {
      if (!/attached/.test(line)) throw new Error(`strace: ${line}`);
      if (++attached === threads.length) break;
    }
    if (attached < threads.length) throw new Error('strace ended before it had attached to every thread');
    await work();
  } finally {
    // It lets go of the process and writes its table.
    strace.kill('SIGINT');
    await ended;
  }
  return parseTable(readFileSync(path, 'utf8'));
}

/** All calls together. */
export function total(calls: Map<string, number>): number {
  return [...calls.values()].reduce((sum, count) => sum + count, 0);
}

/** Parses strace's table: % time, seconds, usecs/call, calls, errors (may be empty), syscall. */
function parseTable(text: string): Map<string, number> {
  const rows = [...text.matchAll(/^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?([a-z]\w*)$/gm)];
  const calls = rows.map(([, count, name]) => [name!, Number(count)] as const);
  return new Map(calls.filter(([name]) => name !== 'total' && !RUNTIME.has(name)));
}

function reasonAgainst(): string | null {
  try {
    execFileSync('strace', ['-qq', '-o', '/dev/null', 'true'], { stdio: 'ignore' });
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
      ? 'no strace here: apt-get install strace'
      : 'strace may not trace here';
  }
}
