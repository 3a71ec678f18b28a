import type { Contestant } from '../contestants/contestant.ts';
import { readListeners } from '../listeners.ts';
import type { Place } from '../place.ts';
import { isAlive, readAgents } from '../processes.ts';
import { untilTrue } from '../waiting.ts';

/** Seconds from the command until no port listens and no agent's process is left. */
export async function measureStop(contestant: Contestant, place: Place): Promise<number> {
  const pids = [...readAgents(place).values()].flat();
  const left = () => pids.filter(isAlive).length;
  const gone = untilTrue(
    () => readListeners(place).size === 0 && left() === 0,
    place.timeoutMs,
    () => `${left()} of ${place.agents} agents are left`,
  );
  const [seconds] = await Promise.all([gone, contestant.stop()]);
  return seconds;
}
