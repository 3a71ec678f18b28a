const HOUR_MS = 3_600_000;
/** Farther away than this, the end of the memory is not in sight. */
const HORIZON_MS = 366 * 24 * HOUR_MS;

/** A time so long before another, as ISO 8601. @param at milliseconds since the epoch */
export function isoBefore(at: number, ms: number): string {
  return new Date(at - ms).toISOString();
}

/**
 * When memory is used up at this rate, as ISO 8601; null where it does not grow, or that is beyond any horizon.
 * @param at milliseconds since the epoch
 */
export function exhaustion(at: number, availableBytes: number | null, bytesPerHour: number): string | null {
  if (availableBytes === null || bytesPerHour <= 0) return null;
  const ms = (availableBytes / bytesPerHour) * HOUR_MS;
  return ms > HORIZON_MS ? null : new Date(at + ms).toISOString();
}
