import type { Contestant } from '../contestants/contestant.ts';
import { proveListening, readListeners } from '../listeners.ts';
import type { Place } from '../place.ts';
import { untilTrue } from '../waiting.ts';

/** Seconds from the command until every agent accepts connections; after that one connection to each proves it. */
export async function measureStart(contestant: Contestant, place: Place): Promise<number> {
  const listening = untilTrue(
    () => readListeners(place).size === place.agents,
    place.timeoutMs,
    () => `${readListeners(place).size} of ${place.agents} agents accept connections`,
  );
  // A command that fails is told at once; one that succeeds may go on after the last agent is there.
  const [seconds] = await Promise.all([listening, contestant.start()]);
  await proveListening(place);
  return seconds;
}
