import { SIGNAL } from '../specification/types.ts';
import { formatDuration } from '../specification/units.ts';

const SIZE_UNITS = ['T', 'G', 'M', 'K'] as const;

/** Bytes as a spec writes them, exactly: 67108864 → `64M`, 1000 → 1000. */
export function sizeText(bytes: number): string | number {
  for (const [at, unit] of SIZE_UNITS.entries()) {
    const factor = 1024 ** (SIZE_UNITS.length - at);
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return bytes;
}

/** Seconds as a spec writes them: 0.1 → `100ms`. */
export function secondsText(seconds: number): string {
  return formatDuration(seconds * 1000);
}

/** The name of a signal that a spec accepts as `stop.signal`; null for another one. @param text `TERM`, `SIGTERM` or `15` */
export function signalName(text: string): string | null {
  const name = NUMBERS[text] ?? `SIG${text.trim().toUpperCase().replace(/^SIG/, '')}`;
  return SIGNAL.read(name, '', []) ?? null;
}

/** signal(7), of x86-64 and arm64: those that are asked for by number. */
const NUMBERS: Readonly<Record<string, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  6: 'SIGABRT',
  9: 'SIGKILL',
  10: 'SIGUSR1',
  12: 'SIGUSR2',
  14: 'SIGALRM',
  15: 'SIGTERM',
  28: 'SIGWINCH',
  30: 'SIGPWR',
};

/** A name that `user` accepts; a number is none. */
export function isUserName(text: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_.-]{0,30}\$?$/.test(text);
}

/** A path relative to a directory as an absolute one; `.` and `..` resolved as text. */
export function absolutePath(directory: string, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith('/') ? path : `${directory}/${path}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** The last part of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The defaults of restart.backoff, in seconds. */
const BACKOFF_SECONDS = { min: 1, max: 300 };
/** Starts are not instant, and a host may be busy: so much longer than reckoned may each one take. */
const START_MARGIN_SECONDS = 1;

/**
 * The period in which so many restarts come one after the other, each after a start that failed: the longest pauses of
 * fleetd, which double, and the starts between them. Within a longer one, crashes that are far apart would count as well.
 * @param startSeconds how long a start takes until it succeeds @param backoff of the fleet, in seconds
 * @returns the value of restart.attempts.within
 */
export function attemptsPeriod(count: number, startSeconds: number, backoff = BACKOFF_SECONDS): string {
  let seconds = startSeconds;
  for (let restart = 0; restart < count && seconds < 3_650 * 86_400; restart++) {
    seconds += Math.min(backoff.min * 2 ** restart, backoff.max) + startSeconds + START_MARGIN_SECONDS;
  }
  return secondsText(Math.ceil(Math.min(seconds, 3_650 * 86_400)));
}
