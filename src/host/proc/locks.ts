import { PROC, readProcText } from './read.ts';

/** Who holds which locks, a line each (proc_locks(5)). */
export function readLocks(proc = PROC): string {
  return readProcText(`${proc}/locks`) ?? '';
}
