import type { Contestant } from '../contestants/contestant.ts';
import { readListeners } from '../listeners.ts';
import { type Place, portsOf } from '../place.ts';
import { isAlive, readAgents } from '../processes.ts';
import { untilTrue } from '../waiting.ts';
import { killAll, untilListeningAnew } from './exits.ts';

const SHARE = 0.1;

/**
 * Seconds from the death of a tenth of the agents, all at once, until all accept connections again. For the C loop,
 * which brings nothing back, these are the seconds it takes to start as many.
 */
export async function measureRecovery(contestant: Contestant, place: Place): Promise<number> {
  const agents = readAgents(place);
  const ports = portsOf(place).slice(0, Math.max(1, Math.floor(place.agents * SHARE)));
  const pids = ports.flatMap((port) => agents.get(port) ?? []);
  const sockets = readListeners(place);
  const begun = performance.now();
  killAll(pids);
  if (contestant.kind === 'limit') {
    await untilTrue(
      () => !pids.some(isAlive),
      place.timeoutMs,
      () => 'the killed agents are gone',
    );
    return await bringBack(contestant, place, ports, sockets);
  }
  await untilListeningAnew(place, ports, sockets);
  return (performance.now() - begun) / 1_000;
}

async function bringBack(
  contestant: Contestant,
  place: Place,
  ports: readonly number[],
  sockets: Map<number, string>,
): Promise<number> {
  const [seconds] = await Promise.all([
    untilListeningAnew(place, ports, sockets),
    contestant.bringBack(ports[0]!, ports.length),
  ]);
  return seconds;
}
