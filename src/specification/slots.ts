import { FleetError } from '../errors.ts';

/** The highest number that a slot can have. */
export const SLOT_MAX = 999_999;
/** As many agents as there are slot numbers. */
export const AGENTS_MAX = SLOT_MAX + 1;

const RANGE = /^(\d{1,6})(?:-(\d{1,6}))?$/;

/** Takes `10-19,25`; gives the slots, ascending, each once. Throws USAGE for anything else. */
export function parseSlots(text: string): number[] {
  const ranges = text.split(',').map(parseRange);
  ranges.sort((a, b) => a.first - b.first);
  const slots: number[] = [];
  // Ranges that overlap are walked once, so that no text makes this longer than SLOT_MAX.
  let next = 0;
  for (const { first, last } of ranges) {
    for (next = Math.max(next, first); next <= last; next++) slots.push(next);
  }
  return slots;
}

/** Takes slots in any order; gives them as ranges: `0-14,20`, and an empty text for none. */
export function formatSlots(slots: Iterable<number>): string {
  const sorted = [...new Set(slots)].sort((a, b) => a - b);
  const ranges: string[] = [];
  let first = 0;
  for (let i = 0; i < sorted.length; i++) {
    if (sorted[i + 1] === sorted[i]! + 1) continue;
    ranges.push(first === i ? `${sorted[i]}` : `${sorted[first]}-${sorted[i]}`);
    first = i + 1;
  }
  return ranges.join(',');
}

/** Gives the `count` lowest slots that are not in `used`, ascending. */
export function lowestFree(used: ReadonlySet<number>, count: number): number[] {
  const free: number[] = [];
  for (let slot = 0; free.length < count; slot++) if (!used.has(slot)) free.push(slot);
  return free;
}

/** Gives the `count` highest slots of `used` (all, if there are fewer), highest first. */
export function highest(used: ReadonlySet<number>, count: number): number[] {
  return [...used].sort((a, b) => b - a).slice(0, Math.max(0, count));
}

function parseRange(text: string): { first: number; last: number } {
  const match = RANGE.exec(text.trim());
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || last < first) {
    throw new FleetError(
      'USAGE',
      `slots are written as 10-19,25; found ${JSON.stringify(text.slice(0, 60))}`,
      {
        hint: `Give slots from 0 to ${SLOT_MAX}, ranges from the lower to the higher.`,
      },
    );
  }
  return { first, last };
}
