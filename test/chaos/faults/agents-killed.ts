import type { Fault } from '../fault.ts';
import { tellOfSlots } from '../told.ts';

/** kill −9 of one agent, or of a tenth of them at once. */
export const agentsKilled: Fault = {
  name: 'agents: kill −9',
  inject: async (arena) => {
    const victims = arena.agents(arena.choose([1, 5, Math.ceil(arena.pids.size / 10)]));
    for (const { pid } of victims) process.kill(pid, 'SIGKILL');
    const slots = victims.map(({ slot }) => slot);
    return { slots, isTold: (events) => tellOfSlots(events, ['exit'], arena.wantedOf(slots)) };
  },
};
