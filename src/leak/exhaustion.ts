const HOUR_MS = 3_600_000;
/** The maximum time until exhaustion that is reported. */
const HORIZON_MS = 366 * 24 * HOUR_MS;

/**
 * When the memory of the host is exhausted at this rate.
 * @param at now, in milliseconds since the epoch
 * @param availableBytes the available memory; null if unknown
 * @returns ISO 8601; null if unknown, or not within a year
 */
export function exhaustionAt(at: number, availableBytes: number | null, bytesPerHour: number): string | null {
  if (availableBytes === null || bytesPerHour <= 0) return null;
  const ms = (availableBytes / bytesPerHour) * HOUR_MS;
  return ms > HORIZON_MS ? null : new Date(at + ms).toISOString();
}
