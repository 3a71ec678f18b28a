import { existsSync, readFileSync } from 'node:fs';
import type { StoredFleet } from '../../src/fleet/records.ts';
import { pathsIn } from '../../src/specification/paths.ts';
import { WantedStore } from '../../src/store/wanted.ts';
import { type CrashState, type Disk, materialise } from './disk.ts';

/** What the real store makes of the files that a cut left. */
export interface Found {
  /** All that is wanted, as one text; prepared marks are left out: they may be lost (docs/design/0004). */
  content: string;
  /** How many slots are wanted in all fleets. */
  wanted: number;
  notices: string[];
  /** Executables of releases, and directories of prepared slots, that are not there. */
  missing: string[];
}

/** Builds crash states in a scratch directory, and opens them with the code that the supervisor opens them with. */
export class Judge {
  readonly #disk: Disk;
  readonly #root: string;
  readonly #stateDir: string;
  readonly #scratch: string;
  readonly #executables: readonly Buffer[];
  /** The contents in the order in which they became true, and the call after which each was on disk at the latest. */
  readonly history: { since: number; found: Found }[] = [];
  states = 0;

  /**
   * @param places `root`: the directory that was recorded; `stateDir`, in it; `scratch`: where states are built
   * @param executables what was given to be copied into the release store
   */
  constructor(
    disk: Disk,
    { root, stateDir, scratch }: { root: string; stateDir: string; scratch: string },
    executables: readonly Buffer[] = [],
  ) {
    this.#disk = disk;
    this.#root = root;
    this.#stateDir = stateDir;
    this.#scratch = scratch;
    this.#executables = executables;
    for (const since of disk.moments) {
      const found = this.open(disk.whole(since));
      if (found.content !== this.history.at(-1)?.found.content) this.history.push({ since, found });
    }
  }

  /** @throws what the store throws */
  open(state: CrashState): Found {
    materialise(state, this.#root, this.#scratch);
    const paths = pathsIn(this.#inScratch(this.#stateDir), '/nonexistent');
    if (!existsSync(paths.stateDir)) return { content: '[]', wanted: 0, notices: [], missing: [] };
    const store = new WantedStore(paths.database, paths.copy);
    try {
      const fleets = store.load();
      const content = fleets.map((one) => ({
        ...one,
        slots: one.slots.map(({ prepared, ...slot }) => slot),
      }));
      return {
        content: JSON.stringify([...content, ...Object.entries(store.settings)]),
        wanted: fleets.flatMap(({ slots }) => slots).filter(({ wanted }) => wanted).length,
        notices: store.notices,
        missing: [...this.#missingExecutables(fleets), ...this.#missingDirectories(fleets)],
      };
    } finally {
      store.close();
    }
  }

  /**
   * Opens every state that a cut after each call may leave. What was acknowledged must be there, and nothing that was
   * never asked for; of a change under way, all or nothing. What is wrong comes in words.
   */
  *problems(): Generator<string> {
    for (const at of this.#disk.moments) {
      for (const state of this.#disk.statesAfter(at)) {
        this.states++;
        const problem = this.#judge(state);
        if (problem !== null) yield `after call ${at}, ${state.what}: ${problem}`;
      }
    }
  }

  #judge(state: CrashState): string | null {
    let found: Found;
    try {
      found = this.open(state);
    } catch (error) {
      return `it cannot be opened: ${(error as Error).message}`;
    }
    const acknowledged = this.#disk.acks.findLast((ack) => ack <= state.at) ?? -1;
    const oldest = this.history.findLastIndex(({ since }) => since <= acknowledged);
    const newest = this.history.findLastIndex(({ since }) => since <= state.at);
    const allowed = this.history.slice(Math.max(oldest, 0), newest + 1).map(({ found: one }) => one.content);
    if (oldest < 0) allowed.push('[]');
    if (!allowed.includes(found.content)) {
      const known = this.history.findIndex((one) => one.found.content === found.content);
      const what =
        known < 0
          ? 'what nobody asked for is there'
          : `change ${known} is there instead of ${oldest} to ${newest}`;
      return `${what}; told: ${found.notices.join(' ') || 'nothing'}`;
    }
    return found.missing.length > 0 ? `missing: ${found.missing.join(' ')}` : null;
  }

  /** Those in the release store that are not there as they were given. */
  #missingExecutables(fleets: readonly StoredFleet[]): string[] {
    return fleets
      .flatMap(({ releases }) => releases.map(({ path }) => path))
      .filter((path) => path.startsWith(`${this.#stateDir}/releases/`))
      .filter((path) => {
        const copy = this.#inScratch(path);
        return !existsSync(copy) || !this.#executables.some((one) => one.equals(readFileSync(copy)));
      });
  }

  /** Those of slots that are believed to be prepared. */
  #missingDirectories(fleets: readonly StoredFleet[]): string[] {
    const { slotDir } = pathsIn(this.#stateDir, '/nonexistent');
    return fleets
      .flatMap(({ fleet, slots }) =>
        slots.filter(({ prepared }) => prepared).map(({ slot }) => slotDir(fleet.name, slot)),
      )
      .filter((path) => !existsSync(this.#inScratch(path)));
  }

  #inScratch(path: string): string {
    return this.#scratch + path.slice(this.#root.length);
  }
}
