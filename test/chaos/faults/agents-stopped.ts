import type { FleetEvent } from '../../../src/api/events.ts';
import type { Fault } from '../fault.ts';
import { signalIfThere } from '../signals.ts';
import { tellOfSlots } from '../told.ts';

/** SIGSTOP of agents: they hold their ports and answer nobody, until a health check finds out, or SIGCONT comes. */
export const agentsStopped: Fault = {
  name: 'agents: SIGSTOP, later SIGCONT',
  inject: async (arena) => {
    const victims = arena.agents(arena.number(1, 5));
    for (const { pid } of victims) process.kill(pid, 'SIGSTOP');
    const slots = victims.map(({ slot }) => slot);
    const isTold = (events: readonly FleetEvent[]) => tellOfSlots(events, ['unhealthy', 'exit'], slots);
    return {
      slots,
      heal: async () => {
        await arena.until(
          async () => isTold(await arena.events()),
          'a health check finds the agents that stand still',
        );
        for (const { pid } of victims) signalIfThere(pid, 'SIGCONT');
      },
      isTold,
    };
  },
};
