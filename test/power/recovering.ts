import { closeSync, fsyncSync, openSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeDirectory } from '../../src/host/files/files.ts';
import { pathsIn } from '../../src/specification/paths.ts';
import { WantedStore } from '../../src/store/wanted.ts';
import type { NewFleet } from '../store/places.ts';

/** What a process says on stdout when a change was accepted. */
export const ACCEPTED = 'accepted';

/**
 * A process that is recorded: it changes the wanted state, damages one of its files, recovers, changes on.
 * Arguments: the state directory, a fleet of slots (JSON), how many changes follow each damage.
 */
function run(stateDir: string, fleet: NewFleet, changes: number): void {
  const paths = pathsIn(stateDir, '/nonexistent');
  const { database, copy } = paths;
  makeDirectory(stateDir, 0o700);
  let generation = 0;
  const change = (store: WantedStore) => {
    generation++;
    store.write('f', { slots: fleet.slots.map((slot) => ({ ...slot, generation })) });
    process.stdout.write(`${ACCEPTED}\n`);
  };
  const use = (work: (store: WantedStore) => void) => {
    const store = new WantedStore(database, copy);
    work(store);
    store.close();
  };
  const durably = (path: string, work: (fd: number) => void) => {
    const fd = openSync(path, path === stateDir ? 'r' : 'r+');
    work(fd);
    fsyncSync(fd);
    closeSync(fd);
  };
  use((store) => store.write('f', fleet));
  const damages = [
    () => durably(database, (fd) => writeSync(fd, Buffer.alloc(200, '?'), 0, 200, 0)),
    () => durably(database, () => truncateSync(database, 0)),
    () => durably(copy, (fd) => writeSync(fd, 'x', 100)),
    () => durably(dirname(copy), () => rmSync(database)),
  ];
  for (const damage of damages) {
    use((store) => {
      for (let i = 0; i < changes; i++) change(store);
    });
    damage();
  }
  use(change);
}

if (import.meta.main) run(process.argv[2]!, JSON.parse(process.argv[3]!), Number(process.argv[4]));
