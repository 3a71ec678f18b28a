import { readStat } from '../../../src/host/proc/stat.ts';
import type { Fault } from '../fault.ts';
import { signalIfThere } from '../signals.ts';

/** kill −9 of bubblewrap in front of agents: they go on, and only how they end is not learned any more. */
export const guardsKilled: Fault = {
  name: 'agents: kill −9 of their bubblewrap',
  obstacle: ({ isBoxed }) => (isBoxed ? null : 'needs bubblewrap, and an odd seed'),
  inject: async (arena) => {
    for (const { pid } of arena.agents(arena.number(1, 5))) {
      const parent = readStat(readStat(pid)?.parent ?? 0);
      if (parent?.name === 'bwrap') signalIfThere(parent.pid, 'SIGKILL');
    }
    return { slots: [], isTold: () => true };
  },
};
