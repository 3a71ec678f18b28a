import { isRunning } from '../../e2e/harness.ts';
import { CgroupV1 } from '../cgroup-v1.ts';
import type { Fault } from '../fault.ts';
import { tellOf } from '../told.ts';

const MARGIN_BYTES = 2 ** 20;

/** Leaves the supervisor next to no memory while it is busy: the kernel kills it, or it gets by. */
export const memoryTaken: Fault = {
  name: 'supervisor: no memory left (cgroup)',
  obstacle: () => (CgroupV1.exists('memory') ? null : 'needs the memory controller of cgroup v1, and root'),
  inject: async (arena) => {
    await arena.revive();
    const pid = arena.supervisor!;
    const group = new CgroupV1('memory');
    group.add(pid);
    group.write('memory.limit_in_bytes', String(Number(group.read('memory.usage_in_bytes')) + MARGIN_BYTES));
    await Promise.all(
      Array.from({ length: 8 }, () => arena.world.fleetctl('events', '--json', '--limit', '10000')),
    );
    await group.remove();
    const isKilled = !isRunning(pid);
    if (isKilled) arena.supervisor = null;
    return {
      slots: [],
      isTold: (events) => !isKilled || tellOf(events, 'supervisor', /^fleetd .* started/),
    };
  },
};
