import { readdirSync, readlinkSync } from 'node:fs';

/** A descriptor, and what it leads to as /proc names it: a path, `pipe:[INODE]`, `anon_inode:[eventfd]` (proc_pid_fd(5)). */
export interface OpenDescriptor {
  fd: number;
  link: string;
}

/** What the calling thread has open. */
export function openDescriptors(): OpenDescriptor[] {
  return readdirSync('/proc/thread-self/fd').flatMap((name) => {
    try {
      return [{ fd: Number(name), link: readlinkSync(`/proc/thread-self/fd/${name}`) }];
    } catch {
      return []; // The directory itself, which is closed by now.
    }
  });
}
