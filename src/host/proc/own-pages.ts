import { check, libc } from '../sys/libc.ts';
import { readProcText } from './read.ts';

const MADV_DONTNEED = 4;
/** A private mapping of a file that cannot be written to: the addresses (proc_pid_smaps(5)). */
const READ_ONLY_FILE = /^([0-9a-f]+)-([0-9a-f]+) r-[-x]p \S+ \S+ [1-9]\d*\s+\//;
/** Pages of this process's own, in memory or swapped out: relocations make them, and they exist nowhere else. */
const OWN_PAGES = /^(?:Anonymous|Swap):\s+[1-9]/m;
const MAPPING = /^(?=[0-9a-f]+-[0-9a-f]+ )/m;

/** Addresses, from one to another. */
interface Span {
  from: number;
  to: number;
}

/** The mappings in which every page is as its file has it. @param smaps the text of /proc/PID/smaps */
export function unchangedMappings(smaps: string): Span[] {
  return smaps.split(MAPPING).flatMap((mapping) => {
    const [, from, to] = READ_ONLY_FILE.exec(mapping) ?? [];
    if (from === undefined || OWN_PAGES.test(mapping)) return [];
    return [{ from: Number.parseInt(from, 16), to: Number.parseInt(to!, 16) }];
  });
}

/**
 * Unmaps the pages of programs and libraries that this process has touched so far. Those that are needed again come back
 * from the page cache, at a microsecond for sixteen of them; the others no longer count as memory of this process.
 * Nothing is lost, because no page that differs from its file is among them (madvise(2)).
 */
export function releaseFilePages(): void {
  for (const { from, to } of unchangedMappings(readProcText('/proc/self/smaps') ?? ''))
    check('madvise', libc.madvise(from, to - from, MADV_DONTNEED));
}
