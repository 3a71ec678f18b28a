import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { FleetEvent } from '../../../src/api/events.ts';
import type { Fault } from '../fault.ts';
import { signalIfThere } from '../signals.ts';
import { tellOfSlots } from '../told.ts';

/** Puts a file, a directory or a link where an agent's socket is to be, while no supervisor is there to clear it. */
export const socketTaken: Fault = {
  name: 'agents: something else at the socket path',
  inject: async (arena) => {
    await arena.revive();
    const [victim] = arena.agents(1);
    const { slot, pid } = victim!;
    const socket = arena.socketOf(slot);
    await arena.killSupervisor();
    signalIfThere(pid, 'SIGKILL');
    rmSync(socket, { force: true });
    mkdirSync(dirname(socket), { recursive: true });
    arena.choose([
      () => writeFileSync(socket, 'no socket'),
      () => mkdirSync(socket),
      () => symlinkSync('/dev/null', socket),
    ])();
    await arena.revive();
    const isTold = (events: readonly FleetEvent[]) => tellOfSlots(events, ['start-failed'], [slot]);
    return {
      slots: [slot],
      heal: async () => {
        await arena.until(async () => isTold(await arena.events()), 'what is in the way is named');
        rmSync(socket, { recursive: true });
      },
      isTold,
    };
  },
};
