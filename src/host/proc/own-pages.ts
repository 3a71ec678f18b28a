import { check, libc } from '../sys/libc.ts';
import { readProcText } from './read.ts';

const MADV_DONTNEED = 4;
/** A private mapping of a file that cannot be written to: the addresses (proc_pid_smaps(5)). */
const READ_ONLY_FILE = /^([0-9a-f]+)-([0-9a-f]+) r-[-x]p \S+ \S+ [1-9]\d*\s+\//;
/** None of its pages is a copy of this process's own, as relocations make them. */
const ALL_OF_FILE = /^Anonymous:\s+0 kB$/m;
const MAPPING = /^(?=[0-9a-f]+-[0-9a-f]+ )/m;

/**
 * Unmaps the pages of programs and libraries that this process has touched so far. Those that are needed again come back
 * from the page cache, at a microsecond for sixteen of them; what only the start has needed does not, and so no longer
 * counts as memory of this process: 35 of 49 MB, of which Node's own program is the most. Nothing is lost, because no
 * page that differs from its file is among them (madvise(2)).
 */
export function releaseFilePages(): void {
  for (const mapping of readProcText('/proc/self/smaps')?.split(MAPPING) ?? []) {
    const [, from, to] = READ_ONLY_FILE.exec(mapping) ?? [];
    if (from === undefined || !ALL_OF_FILE.test(mapping)) continue;
    const start = Number.parseInt(from, 16);
    check('madvise', libc.madvise(start, Number.parseInt(to!, 16) - start, MADV_DONTNEED));
  }
}
