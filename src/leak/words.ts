import type { Leak } from './types.ts';
import type { LeakVerdict } from './verdict.ts';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
const SLOTS_SHOWN = 5;

/** The verdict in a sentence, for people. */
export function describeLeak(verdict: LeakVerdict, leak: Omit<Leak, 'verdict' | 'words'>): string {
  const { bytesPerHour, interval, exhaustsAt, since } = leak;
  if (verdict === 'none') return 'Nothing grows beyond chance.';
  const certainty = verdict === 'leak' ? 'Leak' : 'Suspicion';
  if (interval === null) {
    return `${certainty}: some agents grow since ${since}; which and how fast cannot be told.`;
  }
  const end = exhaustsAt ? `; the memory of the host is used up at ${exhaustsAt}` : '';
  const range = `${bytes(interval.low)} to ${bytes(interval.high)}`;
  return `${certainty}: ${subject(leak)} by ${bytes(bytesPerHour)} an hour (95 %: ${range}) since ${since}${end}.`;
}

function subject({ scope, cohort, agents }: Pick<Leak, 'scope' | 'cohort' | 'agents'>): string {
  if (scope === 'cohort') return `the agents of release ${cohort} grow, unlike the others,`;
  if (scope === 'fleet') return 'the whole fleet grows';
  const shown = agents.slice(0, SLOTS_SHOWN).join(', ');
  const more = agents.length > SLOTS_SHOWN ? ` and ${agents.length - SLOTS_SHOWN} more` : '';
  return agents.length === 1 ? `slot ${shown} grows` : `slots ${shown}${more} grow`;
}

/** A number of bytes with two or three digits: `4.9 MiB`. */
function bytes(value: number): string {
  let size = Math.abs(value);
  let unit = 0;
  for (; size >= 1024 && unit < UNITS.length - 1; unit++) size /= 1024;
  return `${value < 0 ? '-' : ''}${size >= 10 || unit === 0 ? Math.round(size) : size.toFixed(1)} ${UNITS[unit]}`;
}
