import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WantedStore } from '../../src/store/wanted.ts';
import { newFleet, release, slot } from '../store/places.ts';

/** The files of the wanted state; all are looked at, one is damaged at a time. */
export const FILES = ['fleetd.db', 'fleetd.db-wal', 'wanted.json'] as const;
const SECTOR_BYTES = 512;

/** What is done to a file at a place in it. */
export const DAMAGES = {
  'a flipped bit': (content: Buffer, at: number) => {
    content[at]! ^= 1 << (at % 8);
    return content;
  },
  'a flipped byte': (content: Buffer, at: number) => {
    content[at]! ^= 0xff;
    return content;
  },
  'a sector of zeros': (content: Buffer, at: number) => {
    const start = at - (at % SECTOR_BYTES);
    return content.fill(0, start, Math.min(start + SECTOR_BYTES, content.length));
  },
  'a cut': (content: Buffer, at: number) => content.subarray(0, at),
} as const;

/** How an opening came out: with all that was written, or `wrong`. */
export type Outcome = 'harmless' | 'told' | { wrong: string };

/** What a store holds, but for the marks of prepared slots: these may be lost (docs/design/0004). */
function contentOf(store: WantedStore): string {
  const fleets = store.load();
  for (const { slots } of fleets) for (const one of slots) one.prepared = false;
  return JSON.stringify([fleets, store.settings]);
}

/** How the files can lie there when the supervisor is started: a kill leaves the log, an orderly end does not. */
export const SHAPES = {
  'after a kill': (store: WantedStore, keep: () => void) => {
    store.write('f', { slots: [slot(3, { wanted: false })] });
    keep();
    store.close();
  },
  'after an orderly end': (store: WantedStore, keep: () => void) => {
    store.close();
    keep();
  },
  'with marks that the copy does not have': (store: WantedStore, keep: () => void) => {
    store.write('f', { prepared: [1, 2, 5] });
    store.close();
    keep();
  },
} as const;

/** Files as a supervisor left them, to be damaged and opened again and again. */
export class Specimen {
  readonly #original: string;
  readonly #copy: string;
  readonly #content: string;

  /** @param root an empty directory */
  constructor(root: string, shape: keyof typeof SHAPES) {
    const made = join(root, 'made');
    this.#original = join(root, 'original');
    this.#copy = join(root, 'copy');
    mkdirSync(made);
    const store = open(made);
    store.write('f', newFleet(30));
    store.write('g', { ...newFleet(5, 'g'), release: release('r2') });
    store.writeSettings({ metricsPort: 9_100 });
    SHAPES[shape](store, () => cpSync(made, this.#original, { recursive: true }));
    const again = open(this.#fresh());
    this.#content = contentOf(again);
    again.close();
  }

  /** How many bytes a file has; 0 where there is none. */
  size(file: string): number {
    const path = join(this.#original, file);
    return existsSync(path) ? readFileSync(path).length : 0;
  }

  /** Damages one file at one place, and opens the store. */
  open(file: string, damage: keyof typeof DAMAGES, at: number): Outcome {
    const directory = this.#fresh();
    const path = join(directory, file);
    writeFileSync(path, DAMAGES[damage](readFileSync(path), at));
    let store: WantedStore | undefined;
    try {
      store = open(directory);
      const found = contentOf(store);
      if (found !== this.#content) return { wrong: `other content; told: ${store.notices.join(' ')}` };
      return store.notices.some((notice) => notice.includes(directory)) ? 'told' : 'harmless';
    } catch (error) {
      return { wrong: String(error) };
    } finally {
      store?.close();
    }
  }

  #fresh(): string {
    rmSync(this.#copy, { recursive: true, force: true });
    cpSync(this.#original, this.#copy, { recursive: true });
    return this.#copy;
  }
}

function open(directory: string): WantedStore {
  return new WantedStore(join(directory, 'fleetd.db'), join(directory, 'wanted.json'));
}
