import { PROC, readProcText } from './read.ts';

/** All file locks with their holders, a line each (proc_locks(5)). */
export function readLocks(proc = PROC): string {
  return readProcText(`${proc}/locks`) ?? '';
}
