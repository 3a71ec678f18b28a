import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from '../fault.ts';
import { tellOf } from '../told.ts';

/** Overwrites the wanted state under a supervisor that runs; the target is changed, and then the supervisor killed. */
export const storeCorruptedLive: Fault = {
  name: 'store: wanted state corrupted while it is open',
  mayCome: (arena) => arena.canRestore(),
  inject: async (arena) => {
    await arena.revive();
    for (const name of ['fleetd.db', 'fleetd.db-wal']) overwriteAll(join(arena.world.stateDir, name));
    await arena.setTarget(arena.target + arena.number(-3, 3));
    await arena.killSupervisor();
    await arena.revive();
    return { slots: [], isTold: (events) => tellOf(events, 'supervisor', /fleetd\.db cannot be trusted/) };
  },
};

/** Leaves nothing of a file but its size; the supervisor goes on with the file that it has open. */
function overwriteAll(path: string): void {
  const fd = openSync(path, 'r+');
  const { size } = statSync(path);
  writeSync(fd, Buffer.alloc(size, '?'));
  closeSync(fd);
}
