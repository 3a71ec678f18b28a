import type { BootMs } from './agent.ts';

/**
 * Why nothing starts: a user's request; a failed rollout that may not roll back; a recovery that found agents of a fleet
 * whose wanted state was lost; or the storm breaker, which probes with one start now and then.
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

/** A host limit that a start has reached. It is not the agent's fault, so it counts for neither storm nor backoff. */
export interface Blocked {
  message: string;
  attempts: number;
  retryAt: BootMs;
}

const RETRY_MS = { min: 1_000, max: 30_000 } as const;

/** When starts may be retried after one reached a limit: later each time. Further hits during the wait change nothing. */
export function blockedAgain(before: Blocked | null, message: string, now: BootMs): Blocked {
  if (before && before.retryAt > now) return before;
  const attempts = (before?.attempts ?? 0) + 1;
  const waitMs = Math.min(RETRY_MS.max, RETRY_MS.min * 2 ** (attempts - 1));
  return { message, attempts, retryAt: now + waitMs };
}
