import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { childrenOf, removeIfEmpty } from '../src/host/cgroup/path.ts';
import { untilTrue } from './waiting.ts';

/**
 * Ends every process in a cgroup and below it (cgroup.kill, Linux 5.14), and takes them away.
 * @throws if some are still there after `timeoutMs`
 */
export async function endTree(cgroup: string, timeoutMs: number): Promise<void> {
  if (!existsSync(cgroup)) return;
  writeFileSync(join(cgroup, 'cgroup.kill'), '1');
  const isGone = () => {
    removeTree(cgroup);
    return !existsSync(cgroup);
  };
  await untilTrue(isGone, timeoutMs, () => `${cgroup} is empty`);
}

/** Takes a cgroup and all below it away, as far as they are empty. */
export function removeTree(cgroup: string): void {
  for (const child of childrenOf(cgroup)) removeTree(join(cgroup, child));
  removeIfEmpty(cgroup);
}

/** Where the hierarchies are mounted, those of version 1 too, from /proc/self/mountinfo (proc(5)). */
export function listCgroupMounts(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(' ')[4]!);
}
