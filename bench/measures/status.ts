import { run } from '../commands.ts';
import type { Command } from '../contestants/contestant.ts';
import type { Place } from '../place.ts';
import { median } from '../statistics.ts';

const TIMES = 3;

/** Seconds until the state of all agents is printed: the median of some. */
export async function measureStatus([command, ...args]: Command, place: Place): Promise<number> {
  const seconds: number[] = [];
  for (let i = 0; i < TIMES; i++) {
    const begun = performance.now();
    await run(place, command, args);
    seconds.push((performance.now() - begun) / 1_000);
  }
  return median(seconds);
}
