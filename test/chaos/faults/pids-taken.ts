import { existsSync } from 'node:fs';
import { CgroupV1 } from '../cgroup-v1.ts';
import type { Fault } from '../fault.ts';
import { signalIfThere } from '../signals.ts';
import { tellOf } from '../told.ts';

/** Puts the supervisor below a pids.max that leaves no room to start what has died. */
export const pidsTaken: Fault = {
  name: 'host: no pids left (pids.max)',
  obstacle: () => (CgroupV1.exists('pids') ? null : 'needs the pids controller of cgroup v1, and root'),
  inject: async (arena) => {
    await arena.revive();
    const group = new CgroupV1('pids');
    group.add(arena.supervisor!);
    group.write('pids.max', String(Number(group.read('pids.current'))));
    const victims = arena.agents(arena.number(3, 10));
    for (const { pid } of victims) signalIfThere(pid, 'SIGKILL');
    return {
      slots: victims.map(({ slot }) => slot),
      heal: async () => {
        const isThere = existsSync(`/proc/${arena.supervisor}`);
        if (isThere)
          await arena.until(
            async () => tellOf(await arena.events(), 'limit', /pids\.max/),
            'the limit is named',
          );
        group.write('pids.max', 'max');
        await group.remove();
      },
      isTold: (events) => tellOf(events, 'limit', /pids\.max/),
    };
  },
};
