import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from '../fault.ts';
import { tellOf } from '../told.ts';

/** Fills the file system of the state directory, and asks for what cannot be kept then. */
export const diskFull: Fault = {
  name: 'disk: full',
  obstacle: (arena) => (arena.isRoot ? null : 'only root can mount a file system to fill'),
  inject: async (arena) => {
    await arena.revive();
    const pid = arena.supervisor;
    const filler = join(arena.world.stateDir, 'filler');
    fill(filler);
    const refused = await arena.world.fleetctl('spawn', String(arena.target + 1));
    if (refused.code === 0) arena.target++;
    return {
      slots: [],
      heal: () => rmSync(filler),
      // One that is killed while nothing can be written takes along what it had to tell.
      isTold: (events) =>
        arena.supervisor !== pid || ['limit', 'supervisor'].some((type) => tellOf(events, type, /\bspace\b/)),
    };
  },
};

/** Writes until there is no space left. */
export function fill(path: string): void {
  const fd = openSync(path, 'w');
  for (const size of [65_536, 4096]) {
    const block = Buffer.alloc(size);
    try {
      for (;;) writeSync(fd, block);
    } catch {} // ENOSPC is the aim.
  }
  closeSync(fd);
}
