import { connect } from 'node:net';
import pLimit from 'p-limit';
import { readProc } from '../src/host/proc/read.ts';
import { type Place, portsOf } from './place.ts';

/** TCP_LISTEN in the `st` column (include/net/tcp_states.h). */
const LISTEN = '0A';
const CONNECTS_AT_ONCE = 100;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Which of a place's ports accept connections, from /proc/net/tcp (proc(5)): one read for all of them, the same for
 * every contestant, and without a connection that would make a daemon work.
 * @returns port → inode of the socket, by which one listener is told from the next at the same port
 */
export function readListeners({ portBase, agents }: Pick<Place, 'portBase' | 'agents'>): Map<number, string> {
  const listeners = new Map<number, string>();
  for (const line of readProc('/proc/net/tcp')?.toString('latin1').split('\n') ?? []) {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    if (state !== LISTEN) continue;
    const port = Number.parseInt(local!.split(':')[1]!, 16);
    if (port >= portBase && port < portBase + agents) listeners.set(port, inode!);
  }
  return listeners;
}

/** Connects once to every port of a place, and fails where one does not accept. */
export async function proveListening(place: Place): Promise<void> {
  const limit = pLimit(CONNECTS_AT_ONCE);
  await Promise.all(portsOf(place).map((port) => limit(() => connectOnce(port))));
}

function connectOnce(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: CONNECT_TIMEOUT_MS });
    socket.once('error', reject);
    socket.once('timeout', () => socket.destroy(new Error(`port ${port} listens but does not accept`)));
    socket.once('connect', () => {
      // A reset leaves no TIME_WAIT behind.
      socket.resetAndDestroy();
      resolve();
    });
  });
}
