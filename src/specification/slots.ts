import { FleetError } from '../errors/fleet-error.ts';

/** The highest possible number of a slot. */
export const SLOT_MAX = 999_999;
/** The maximum number of agents of a fleet. */
export const AGENTS_MAX = SLOT_MAX + 1;

const RANGE = /^(\d{1,6})(?:-(\d{1,6}))?$/;

/** Parses `10-19,25`; returns the slots, ascending, each once. @throws FleetError USAGE for anything else */
export function parseSlots(text: string): number[] {
  const ranges = text.split(',').map(parseRange);
  ranges.sort((a, b) => a.first - b.first);
  const slots: number[] = [];
  // Overlapping ranges are walked once, so that no text yields more than SLOT_MAX + 1 slots.
  let next = 0;
  for (const { first, last } of ranges) {
    for (next = Math.max(next, first); next <= last; next++) slots.push(next);
  }
  return slots;
}

/** Formats slots, in any order, as ranges: `0-14,20`, and an empty text for none. */
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

/** Returns the `count` lowest slots that are not in `used`, ascending. */
export function lowestFree(used: ReadonlySet<number>, count: number): number[] {
  const free: number[] = [];
  for (let slot = 0; free.length < count; slot++) if (!used.has(slot)) free.push(slot);
  return free;
}

/** Returns the `count` highest slots of `used` (all, if there are fewer), highest first. */
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
      `slots must be written like 10-19,25, found ${JSON.stringify(text.slice(0, 60))}`,
      {
        hint: `Give slots from 0 to ${SLOT_MAX}, and ranges from the lower to the higher slot.`,
      },
    );
  }
  return { first, last };
}
