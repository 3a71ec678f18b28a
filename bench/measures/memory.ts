import { readProcText } from '../../src/host/proc/read.ts';
import type { Contestant } from '../contestants/contestant.ts';

/** What the kernel keeps for processes and their files (proc_meminfo(5)). */
const KERNEL_FIELDS = /^(?:Slab|KernelStack|PageTables|SecPageTables):\s+(\d+) kB$/gm;
const MAPPING = /^(?=[0-9a-f]+-[0-9a-f]+ )/m;

/**
 * Memory of the supervision in bytes: what each of its processes has for itself, and the pages of files that they have
 * mapped, once for all of them.
 */
export function readSupervisionBytes(contestant: Contestant): number {
  let own = 0;
  const ofFiles = new Map<string, number>();
  for (const pid of contestant.supervision()) {
    const touched = new Map<string, number>();
    for (const mapping of (readProcText(`/proc/${pid}/smaps`) ?? '').split(MAPPING)) {
      const anonymous = kilobytes(mapping, 'Anonymous');
      const [, , , , inode = '0', path = ''] = mapping.split('\n', 1)[0]!.split(/\s+/);
      own += anonymous;
      if (inode !== '0') touched.set(path, (touched.get(path) ?? 0) + kilobytes(mapping, 'Rss') - anonymous);
    }
    for (const [path, size] of touched) ofFiles.set(path, Math.max(ofFiles.get(path) ?? 0, size));
  }
  return 1_024 * [...ofFiles.values()].reduce((sum, size) => sum + size, own);
}

function kilobytes(mapping: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(mapping)?.[1] ?? 0);
}

/** Memory that the kernel of this host uses for its own in bytes. Only a difference says anything. */
export function readKernelBytes(): number {
  const found = (readProcText('/proc/meminfo') ?? '').matchAll(KERNEL_FIELDS);
  return [...found].reduce((bytes, [, kilobytes]) => bytes + Number(kilobytes) * 1024, 0);
}
