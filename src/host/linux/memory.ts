import type { HostMemory } from '../../fleet/pressure.ts';
import { readAvailableMemory } from '../facts/available.ts';
import type { Memory } from '../memory.ts';
import { readPssBytes, readRssBytes } from '../proc/pid.ts';

/** Memory from /proc and from the cgroups above this process. */
export class LinuxMemory implements Memory {
  readonly #pidOf: (key: string) => number | null;

  /** @param pidOf the main process of a slot */
  constructor(pidOf: (key: string) => number | null) {
    this.#pidOf = pidOf;
  }

  readMemory(): HostMemory {
    return readAvailableMemory();
  }

  rssBytes(key: string): number | null {
    const pid = this.#pidOf(key);
    return pid === null ? null : readRssBytes(pid);
  }

  pssBytes(key: string): number | null {
    const pid = this.#pidOf(key);
    return pid === null ? null : readPssBytes(pid);
  }
}
