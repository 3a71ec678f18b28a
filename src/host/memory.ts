import type { HostMemory } from '../fleet/pressure.ts';

/** What memory there is, and who uses it; slots are named by their key, `FLEET/SLOT`. */
export interface Memory {
  /** The memory of the host, or of the container that limits it. */
  readMemory(): HostMemory;
  /** Resident memory in bytes of a slot's main process; null where nothing runs. */
  rssBytes(key: string): number | null;
  /** Its proportional memory in bytes: shared pages divided by those who share them. */
  pssBytes(key: string): number | null;
}
