import { run } from '../commands.ts';
import type { Command } from '../contestants/contestant.ts';
import type { Place } from '../place.ts';
import { median } from '../statistics.ts';

const TIMES = 7;

/** Milliseconds until a command has printed its answer and ended: the median of some. */
export async function measureCommand([command, ...args]: Command, place: Place): Promise<number> {
  const ms: number[] = [];
  for (let i = 0; i < TIMES; i++) {
    const begun = performance.now();
    await run(place, command, args);
    ms.push(performance.now() - begun);
  }
  return median(ms);
}
