import type { Leak } from './types.ts';
import type { LeakVerdict } from './verdict.ts';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
const SLOTS_SHOWN = 5;

/** A sentence about the verdict. */
export function describeLeak(verdict: LeakVerdict, leak: Omit<Leak, 'verdict' | 'words'>): string {
  const { bytesPerHour, interval, exhaustsAt, since } = leak;
  if (verdict === 'none') return 'No significant memory growth.';
  const certainty = verdict === 'leak' ? 'Leak' : 'Suspected leak';
  if (interval === null) {
    return `${certainty}: some agents have grown since ${since}; which ones and how fast is not known yet.`;
  }
  const end = exhaustsAt ? `; the host runs out of memory at ${exhaustsAt}` : '';
  const range = `${bytes(interval.low)} to ${bytes(interval.high)}`;
  return `${certainty}: ${subject(leak)} grown by ${bytes(bytesPerHour)} per hour (95 % confidence: ${range}) since ${since}${end}.`;
}

function subject({ scope, cohort, agents }: Pick<Leak, 'scope' | 'cohort' | 'agents'>): string {
  if (scope === 'cohort') return `the agents of release ${cohort}, unlike the others, have`;
  if (scope === 'fleet') return 'the whole fleet has';
  const shown = agents.slice(0, SLOTS_SHOWN).join(', ');
  const more = agents.length > SLOTS_SHOWN ? ` and ${agents.length - SLOTS_SHOWN} more` : '';
  return agents.length === 1 ? `slot ${shown} has` : `slots ${shown}${more} have`;
}

/** Bytes with two or three digits: `4.9 MiB`. */
function bytes(value: number): string {
  let size = Math.abs(value);
  let unit = 0;
  for (; size >= 1024 && unit < UNITS.length - 1; unit++) size /= 1024;
  return `${value < 0 ? '-' : ''}${size >= 10 || unit === 0 ? Math.round(size) : size.toFixed(1)} ${UNITS[unit]}`;
}
