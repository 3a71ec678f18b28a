import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from '../fault.ts';
import { tellOf } from '../told.ts';

/** Deletes the wanted state under a supervisor that runs; the target is changed, and then it is killed. */
export const storeDeleted: Fault = {
  name: 'store: wanted state deleted while it is open',
  mayCome: (arena) => arena.canRestore(),
  inject: async (arena) => {
    await arena.revive();
    for (const name of ['fleetd.db', 'fleetd.db-wal', 'fleetd.db-shm'])
      rmSync(join(arena.world.stateDir, name), { force: true });
    await arena.setTarget(arena.target + arena.number(-3, 3));
    await arena.killSupervisor();
    await arena.revive();
    return {
      slots: [],
      isTold: (events) => tellOf(events, 'supervisor', /fleetd\.db cannot be trusted: it is missing/),
    };
  },
};
