import { createServer } from 'node:net';
import type { Fault } from '../fault.ts';
import { signalIfThere } from '../signals.ts';
import { tellOfSlots } from '../told.ts';

const TRY_MS = 5;

/** Somebody else takes an agent's port as soon as the agent is dead, and keeps it for a while. */
export const portTaken: Fault = {
  name: 'agents: port occupied by a stranger',
  inject: async (arena) => {
    const [victim] = arena.agents(1);
    const { slot, pid } = victim!;
    const server = createServer((socket) => socket.end('HTTP/1.0 500 Stranger\r\n\r\n'));
    signalIfThere(pid, 'SIGSTOP');
    const taken = new Promise<void>((resolve) => {
      const take = () => server.listen(arena.portOf(slot), '127.0.0.1');
      server.on('listening', resolve);
      server.on('error', () => setTimeout(take, TRY_MS));
      take();
    });
    signalIfThere(pid, 'SIGKILL');
    await Promise.race([taken, new Promise((resolve) => setTimeout(resolve, 1_000))]);
    return {
      slots: [slot],
      heal: () => {
        server.removeAllListeners('error').on('error', () => {});
        server.close();
      },
      isTold: (events) => tellOfSlots(events, ['exit'], [slot]),
    };
  },
};
