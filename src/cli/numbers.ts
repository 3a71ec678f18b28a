import { FleetError } from '../errors/fleet-error.ts';
import { parseDuration } from '../specification/units.ts';

/**
 * Parses a whole number from `min` to `max` that the user typed; `what` names it in the error.
 * @throws FleetError USAGE
 */
export function wholeNumber(text: string, what: string, min = 0, max = Number.MAX_SAFE_INTEGER): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  throw FleetError.of('USAGE.value', { what, expected: `a whole number ${range}`, found: text });
}

/** Parses a duration such as 30s that the user typed, to milliseconds. @throws FleetError USAGE */
export function durationMs(text: string, what: string): number {
  const value = parseDuration(text);
  if (value !== null) return value;
  throw FleetError.of('USAGE.value', { what, expected: 'a duration such as 500ms, 30s or 5m', found: text });
}
