import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../fault.ts';
import { signalIfThere } from '../signals.ts';
import { tellOf } from '../told.ts';

/** SIGSTOP of the supervisor, long enough to be told: agents run on, and nobody looks after them. */
export const supervisorStopped: Fault = {
  name: 'supervisor: SIGSTOP, then SIGCONT',
  inject: async (arena) => {
    await arena.revive();
    const pid = arena.supervisor!;
    process.kill(pid, 'SIGSTOP');
    await sleep(arena.number(7_000, 9_000));
    signalIfThere(pid, 'SIGCONT');
    return {
      slots: [],
      isToldLater: true,
      isTold: (events) => tellOf(events, 'supervisor', /did not run for/),
    };
  },
};
