import type { FleetEvent } from '../../../src/api/events.ts';
import { CgroupV1 } from '../cgroup-v1.ts';
import type { Fault } from '../fault.ts';
import { signalIfThere } from '../signals.ts';
import { tellOf, tellOfSlots } from '../told.ts';

/** Puts the supervisor below a pids.max that leaves no room to start what has died. */
export const pidsTaken: Fault = {
  name: 'host: no pids left (pids.max)',
  obstacle: () => (CgroupV1.exists('pids') ? null : 'needs the pids controller of cgroup v1, and root'),
  inject: async (arena) => {
    await arena.revive();
    const pid = arena.supervisor!;
    const group = new CgroupV1('pids');
    group.add(pid);
    group.write('pids.max', group.read('pids.current'));
    const victims = arena.agents(arena.number(3, 10));
    for (const { pid } of victims) signalIfThere(pid, 'SIGKILL');
    const slots = victims.map(({ slot }) => slot);
    const isNamed = (events: readonly FleetEvent[]) => tellOf(events, 'limit', /pids\.max/);
    return {
      slots,
      heal: async () => {
        // Another supervisor, in the place of one that was killed, has room.
        if (arena.supervisor === pid)
          await arena.until(async () => isNamed(await arena.events()), 'the limit on pids is named');
        group.write('pids.max', 'max');
        await group.remove();
      },
      isTold: (events) =>
        isNamed(events) || (arena.supervisor !== pid && tellOfSlots(events, ['exit'], arena.wantedOf(slots))),
    };
  },
};
