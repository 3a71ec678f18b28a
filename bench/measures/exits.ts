import { setTimeout as sleep } from 'node:timers/promises';
import type { Contestant } from '../contestants/contestant.ts';
import { readListeners } from '../listeners.ts';
import { type Place, portsOf } from '../place.ts';
import { cpuMsBetween, readAgents, readCpuMs } from '../processes.ts';
import { untilTrue } from '../waiting.ts';

/** One after the other: a supervision that looks at all agents after each exit must not get away with one look. */
const EXITS = 20;
const PAUSE_MS = 100;

/** CPU of the supervision for one agent's exit and its restart, in milliseconds. */
export async function measureExits(contestant: Contestant, place: Place): Promise<number> {
  const pids = contestant.supervision();
  const agents = readAgents(place);
  const ports = portsOf(place).slice(-EXITS);
  const sockets = readListeners(place);
  const before = readCpuMs(pids);
  for (const port of ports) {
    killAll(agents.get(port) ?? []);
    await sleep(PAUSE_MS);
  }
  await untilListeningAnew(place, ports, sockets);
  return cpuMsBetween(before, readCpuMs(pids)) / EXITS;
}

/**
 * Waits until there is a new listener at each of these ports, and one at every other.
 * @param before the sockets as they were before the agents were killed
 * @returns the seconds it took
 */
export function untilListeningAnew(
  place: Place,
  ports: readonly number[],
  before: Map<number, string>,
): Promise<number> {
  const missing = () => {
    const now = readListeners(place);
    const old = ports.filter((port) => now.has(port) && now.get(port) === before.get(port));
    return place.agents - now.size + old.length;
  };
  return untilTrue(
    () => missing() === 0,
    place.timeoutMs,
    () => `${missing()} of ${ports.length} killed agents are not back`,
  );
}

/** kill −9 of agents that were found just now. */
export function killAll(pids: readonly number[]): void {
  for (const pid of pids) process.kill(pid, 'SIGKILL');
}
