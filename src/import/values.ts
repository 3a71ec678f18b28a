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
