import type { BootMs } from './agent.ts';

/**
 * Why nothing starts by itself: by the user's word, by a rollout that failed and may not go back, or by the storm
 * breaker, which tries one start now and then.
 */
export interface Hold {
  by: 'user' | 'storm' | 'recovery' | 'rollout';
  reason: string;
  /** ISO 8601. */
  since: string;
  sample: string | null;
  /** When the breaker's next probe may start. */
  probeAt: BootMs;
}

/** A host limit that was hit by a start: no fault of the agent's, so it counts for no storm and no backoff of a slot. */
export interface Blocked {
  message: string;
  attempts: number;
  retryAt: BootMs;
}

const RETRY_MS = { min: 1_000, max: 30_000 } as const;

/** A start has hit a limit: when the next may try, later each time. What hit it while all wait already changes nothing. */
export function blockedAgain(before: Blocked | null, message: string, now: BootMs): Blocked {
  if (before && before.retryAt > now) return before;
  const attempts = (before?.attempts ?? 0) + 1;
  const waitMs = Math.min(RETRY_MS.max, RETRY_MS.min * 2 ** (attempts - 1));
  return { message, attempts, retryAt: now + waitMs };
}
