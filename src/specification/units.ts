import type { Share } from './spec.ts';

/** The units of time, longest first; a duration is written in this order: `1h30m`. */
const DURATION_UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const;

const SIZE_UNITS = ['', 'K', 'M', 'G', 'T'] as const;

/** The patterns of a duration, a size, a rate and a percentage, for the parsers below and for the JSON Schema. */
export const PATTERNS = {
  duration: /^(?=\d)(?:(\d{1,12})d)?(?:(\d{1,12})h)?(?:(\d{1,12})m)?(?:(\d{1,12})s)?(?:(\d{1,12})ms)?$/,
  size: /^(\d{1,15})([KMGT]?)$/,
  rate: /^(\d{1,15}[KMGT]?)\/h$/,
  percent: /^(\d{1,3}(?:\.\d{1,6})?)%$/,
  count: /^\d{1,9}$/,
} as const;

/** Parses `500ms`, `3s`, `5m`, `1h`, `30d`, `1h30m` or 0 to milliseconds; null for anything else. */
export function parseDuration(value: unknown): number | null {
  if (value === 0 || value === '0') return 0;
  const match = typeof value === 'string' ? PATTERNS.duration.exec(value) : null;
  if (match === null) return null;
  const ms = DURATION_UNITS.reduce((sum, [, unitMs], i) => sum + Number(match[i + 1] ?? 0) * unitMs, 0);
  return Number.isSafeInteger(ms) ? ms : null;
}

/** Formats milliseconds exactly, as parseDuration reads them: `1h30m`, `500ms`, `0s`. */
export function formatDuration(ms: number): string {
  let restMs = Math.round(ms);
  let text = '';
  for (const [unit, unitMs] of DURATION_UNITS) {
    const count = Math.floor(restMs / unitMs);
    if (count > 0) text += `${count}${unit}`;
    restMs -= count * unitMs;
  }
  return text === '' ? '0s' : text;
}

/** Formats an elapsed time in its two largest units: 45s, 3m 20s, 2d 4h. */
export function formatElapsed(elapsedMs: number): string {
  const seconds = Math.max(0, Math.round(elapsedMs / 1000));
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([value]) => value > 0);
  if (first === -1) return '0s';
  const shown = parts.slice(first, first + 2).filter(([value]) => value > 0);
  return shown.map(([value, unit]) => `${value}${unit}`).join(' ');
}

/** Parses `64K`, `256M`, `1G` (powers of 1024) or a number of bytes to bytes; null for anything else. */
export function parseSize(value: unknown): number | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : null;
  const match = typeof value === 'string' ? PATTERNS.size.exec(value) : null;
  if (match === null) return null;
  const bytes = Number(match[1]) * 1024 ** (SIZE_UNITS as readonly string[]).indexOf(match[2]!);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** Formats bytes, rounded to a tenth of the unit: `64M`, `11.8M`, `512`. */
export function formatSize(bytes: number): string {
  let size = bytes;
  let unit = 0;
  // From 1023.95 on, the size would be rounded to 1024 of a unit, which is 1 of the next.
  while (Math.abs(size) >= 1023.95 && unit < SIZE_UNITS.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${Math.round(size * 10) / 10}${SIZE_UNITS[unit]}`;
}

/** Formats a whole number with thousands separators: 12345 → `12,345`. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Parses `100M/h` to bytes per hour; null for anything else. */
export function parseRate(value: unknown): number | null {
  const match = typeof value === 'string' ? PATTERNS.rate.exec(value) : null;
  return match === null ? null : parseSize(match[1]);
}

/** Parses `20%` (0 to 100, fractions allowed) to the percentage; null for anything else. */
export function parsePercent(value: unknown): number | null {
  const match = typeof value === 'string' ? PATTERNS.percent.exec(value) : null;
  const percent = Number(match?.[1]);
  return percent <= 100 ? percent : null;
}

/** Parses a count (`500`, as number or text) or a percentage (`10%`); null for anything else. */
export function parseShare(value: unknown): Share | null {
  const percent = parsePercent(value);
  if (percent !== null) return { percent };
  const isCount = typeof value === 'number' || (typeof value === 'string' && PATTERNS.count.test(value));
  const count = isCount ? Number(value) : Number.NaN;
  return Number.isSafeInteger(count) && count >= 0 ? { count } : null;
}
