import type { ExitStatus } from '../../fleet/restart.ts';

/** How a helper (prepare, an exec check) ended; null if it was killed because it took too long. */
export type HelperEnd = ExitStatus | null;

/** A running errand. */
export interface RunningErrand {
  /**
   * Waits for its end, or ends it with everything that it forked after `timeoutMs`.
   * @returns how it ended; null if it took too long
   * @throws Error if its program could not be executed
   */
  end(timeoutMs: number): Promise<HelperEnd>;
}

/** The environment and the bound of a hook. */
export interface HookOptions {
  cwd: string;
  /** The whole environment. */
  env: Record<string, string>;
  timeoutMs: number;
}
