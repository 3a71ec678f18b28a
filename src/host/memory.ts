import type { HostMemory } from '../fleet/pressure.ts';

/** The available memory, and its use; slots are named by their key, `FLEET/SLOT`. */
export interface Memory {
  /** The memory of the host, or of the container that limits it. */
  readMemory(): HostMemory;
  /** Resident memory in bytes of a slot's main process; null if nothing runs. */
  rssBytes(key: string): number | null;
  /** Its proportional memory in bytes: shared pages divided by the number of processes that share them. */
  pssBytes(key: string): number | null;
}
