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

/** The permitted capabilities of a process, one bit each (capabilities(7)); none if it is gone. */
export function readPermitted(pid: number, proc = PROC): bigint {
  return BigInt(`0x${/^CapPrm:\s+([0-9a-f]+)$/m.exec(readStatus(pid, proc))?.[1] ?? '0'}`);
}

function readStatus(pid: number, proc: string): string {
  return readProc(`${proc}/${pid}/status`)?.toString('latin1') ?? '';
}
