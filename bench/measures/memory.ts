import { readProcText } from '../../src/host/proc/read.ts';
import type { Contestant } from '../contestants/contestant.ts';
import { readPss } from '../processes.ts';

/** What the kernel keeps for processes and their files (proc_meminfo(5)). */
const KERNEL_FIELDS = /^(?:Slab|KernelStack|PageTables|SecPageTables):\s+(\d+) kB$/gm;

/** Memory of the supervision in bytes: the proportional memory of all its processes. */
export function readSupervisionBytes(contestant: Contestant): number {
  return readPss(contestant.supervision());
}

/** Memory that the kernel of this host uses for its own in bytes. Only a difference says anything. */
export function readKernelBytes(): number {
  const found = (readProcText('/proc/meminfo') ?? '').matchAll(KERNEL_FIELDS);
  return [...found].reduce((bytes, [, kilobytes]) => bytes + Number(kilobytes) * 1024, 0);
}
