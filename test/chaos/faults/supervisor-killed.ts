import type { Fault } from '../fault.ts';
import { tellOf } from '../told.ts';

/** kill −9 of the supervisor; the next one comes by itself, or after a while. */
export const supervisorKilled: Fault = {
  name: 'supervisor: kill −9',
  inject: async (arena) => {
    await arena.revive();
    await arena.killSupervisor();
    if (arena.random() < 0.5) await arena.revive();
    return { slots: [], isTold: (events) => tellOf(events, 'supervisor', /^fleetd .* started/) };
  },
};
