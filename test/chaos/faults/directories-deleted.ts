import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FLEET } from '../arena.ts';
import type { Fault } from '../fault.ts';
import { signalIfThere } from '../signals.ts';
import { tellOfSlots } from '../told.ts';

/** Deletes the directories of agents, and of all their logs, under those that run; then some of these die. */
export const directoriesDeleted: Fault = {
  name: 'directories of agents and logs: deleted',
  inject: async (arena) => {
    const { stateDir } = arena.world;
    const victims = arena.agents(arena.number(1, 5));
    const slots = victims.map(({ slot }) => slot);
    for (const slot of slots) {
      rmSync(join(stateDir, 'fleets', FLEET, String(slot)), { recursive: true, force: true });
      rmSync(dirname(arena.socketOf(slot)), { recursive: true, force: true });
    }
    rmSync(join(stateDir, 'logs', FLEET), { recursive: true, force: true });
    for (const { pid } of victims) signalIfThere(pid, 'SIGKILL');
    return { slots, isTold: (events) => tellOfSlots(events, ['exit'], slots) };
  },
};
