import { join } from 'node:path';
import type { Fault } from '../fault.ts';
import { tellOf } from '../told.ts';
import { overwrite } from './store-corrupted.ts';

/** Overwrites the wanted state under a supervisor that runs; the target is changed, and then the supervisor killed. */
export const storeCorruptedLive: Fault = {
  name: 'store: wanted state corrupted while it is open',
  inject: async (arena) => {
    await arena.revive();
    overwrite(join(arena.world.stateDir, 'fleetd.db'), arena);
    await arena.setTarget(arena.target + arena.number(-3, 3));
    await arena.killSupervisor();
    await arena.revive();
    return { slots: [], isTold: (events) => tellOf(events, 'supervisor', /fleetd\.db cannot be trusted/) };
  },
};
