import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FLEET } from '../arena.ts';
import type { Fault } from '../fault.ts';
import { signalIfThere } from '../signals.ts';
import { tellOfSlots } from '../told.ts';

/** Agents and the supervisor go on writing into what is being deleted. */
const DELETE = { recursive: true, force: true, maxRetries: 10 } as const;

/** Deletes the directories of agents, and of all their logs, under those that run; then some of these die. */
export const directoriesDeleted: Fault = {
  name: 'directories of agents and logs: deleted',
  inject: async (arena) => {
    const { stateDir } = arena.world;
    const victims = arena.agents(arena.number(1, 5));
    const slots = victims.map(({ slot }) => slot);
    for (const slot of slots) {
      rmSync(join(stateDir, 'fleets', FLEET, String(slot)), DELETE);
      rmSync(dirname(arena.socketOf(slot)), DELETE);
    }
    rmSync(join(stateDir, 'logs', FLEET), DELETE);
    for (const { pid } of victims) signalIfThere(pid, 'SIGKILL');
    return { slots, isTold: (events) => tellOfSlots(events, ['exit'], slots) };
  },
};
