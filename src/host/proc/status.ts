import { PROC, readProc } from './read.ts';

/** The users of a process: its real, effective and saved uid (proc_pid_status(5)); empty if it is gone. */
export function readUids(pid: number, proc = PROC): number[] {
  return (/^Uid:\s+(\d+)\s+(\d+)\s+(\d+)/m.exec(readStatus(pid, proc)) ?? []).slice(1).map(Number);
}

/** The number of threads of a process; null if it is gone. */
export function readThreads(pid: number, proc = PROC): number | null {
  const threads = /^Threads:\s+(\d+)$/m.exec(readStatus(pid, proc))?.[1];
  return threads === undefined ? null : Number(threads);
}

function readStatus(pid: number, proc: string): string {
  return readProc(`${proc}/${pid}/status`)?.toString('latin1') ?? '';
}
