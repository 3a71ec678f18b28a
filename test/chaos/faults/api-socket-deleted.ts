import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from '../fault.ts';
import { tellOf } from '../told.ts';

/** Deletes the socket of the API under a supervisor that runs: nobody could reach it any more. */
export const apiSocketDeleted: Fault = {
  name: 'API socket: deleted',
  inject: async (arena) => {
    await arena.revive();
    const socket = join(arena.world.runtimeDir, 'fleetd.sock');
    rmSync(socket);
    return {
      slots: [],
      isToldLater: true,
      heal: () => arena.until(() => existsSync(socket) || arena.supervisor === null, 'the socket is back'),
      isTold: (events) => tellOf(events, 'supervisor', /fleetd\.sock had been deleted or replaced/),
    };
  },
};
