import { PROC, readProcText } from './read.ts';

/** The host's memory. */
export interface MemoryInfo {
  totalBytes: number;
  /** Memory available without swapping (MemAvailable). */
  availableBytes: number;
  swapTotalBytes: number;
  /** The commit limit, which binds if vm.overcommit_memory is 2, and the memory committed now. */
  commitLimitBytes: number;
  committedBytes: number;
  /** Share of the last 10 s in which some task waited for memory, in percent; null on a kernel without PSI. */
  pressurePercent: number | null;
}

/** Reads /proc/meminfo and /proc/pressure/memory. */
export function readMemory(proc = PROC): MemoryInfo {
  const info = readProcText(`${proc}/meminfo`) ?? '';
  const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(info)?.[1] ?? 0) * 1024;
  const pressure = /^some avg10=(\d+\.\d+) /m.exec(readProcText(`${proc}/pressure/memory`) ?? '')?.[1];
  return {
    totalBytes: bytes('MemTotal'),
    availableBytes: bytes('MemAvailable'),
    swapTotalBytes: bytes('SwapTotal'),
    commitLimitBytes: bytes('CommitLimit'),
    committedBytes: bytes('Committed_AS'),
    pressurePercent: pressure === undefined ? null : Number(pressure),
  };
}
