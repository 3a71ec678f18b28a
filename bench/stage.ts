import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Contestant } from './contestants/contestant.ts';
import type { Options } from './options.ts';
import type { Place } from './place.ts';
import { untilTrue } from './waiting.ts';

const SWEEP_TIMEOUT_MS = 60_000;

/** A tmpfs on every Linux (shm_open(3)). */
const MEMORY = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** How a contestant is made for a place. */
export type Make = new (place: Place) => Contestant;

/** Gives each contestant a place of its own, one at a time, and leaves nothing behind, whatever happened there. */
export class Stage {
  readonly #portBase: number;
  readonly #patienceMs: Options['patienceMs'];
  readonly #busybox: string;
  /**
   * Nothing is deleted here before the end: ext4 without a journal looks at every inode that was deleted within the
   * last minutes before it gives out another (recently_deleted, fs/ext4/ialloc.c), which the next contestant would pay.
   */
  readonly #disk = mkdtempSync(join(tmpdir(), 'fb-'));
  #isClosed = false;
  #current: { contestant: Contestant; place: Place } | null = null;

  constructor({ portBase, patienceMs }: Options, busybox: string) {
    this.#portBase = portBase;
    this.#patienceMs = patienceMs;
    this.#busybox = busybox;
  }

  /** Lets a contestant do something in a new place, and cleans up after it. @throws once the stage is closed */
  async enter<T>(
    Contestant: Make,
    agents: number,
    work: (contestant: Contestant, place: Place) => Promise<T>,
  ): Promise<T> {
    if (this.#isClosed) throw new Error('broken off');
    const place = {
      directory: mkdtempSync(join(MEMORY, 'fb-')),
      disk: mkdtempSync(join(this.#disk, 'fb-')),
      agents,
      portBase: this.#portBase,
      busybox: this.#busybox,
      timeoutMs: this.#patienceMs.base + this.#patienceMs.perAgent * agents,
    };
    const contestant = new Contestant(place);
    this.#current = { contestant, place };
    try {
      return await work(contestant, place);
    } finally {
      await this.#clear();
    }
  }

  /** Ends whatever goes on, for a run that is broken off: nobody enters any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#clear();
    rmSync(this.#disk, { recursive: true, force: true });
  }

  /** Ends whatever is in the place now, with its files and cgroups. */
  async #clear(): Promise<void> {
    if (!this.#current) return;
    const { contestant, place } = this.#current;
    await untilTrue(
      () => killAll(contestant.processes()) === 0,
      SWEEP_TIMEOUT_MS,
      () => `no process of ${contestant.name} is left`,
    );
    await contestant.cleanUp();
    rmSync(place.directory, { recursive: true, force: true });
    this.#current = null;
  }
}

/** kill −9 of processes found just now. @returns how many there were */
function killAll(pids: readonly number[]): number {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  return pids.length;
}
