import type { ExitStatus } from '../../fleet/exit.ts';

/** How a helper (prepare, an exec check) ended; null if it was killed because it took too long or was not wanted any more. */
export type HelperEnd = ExitStatus | null;

/** A running errand. */
export interface RunningErrand {
  /**
   * Waits for its end, or ends it with everything that it forked after `timeoutMs`, or when `signal` aborts.
   * @returns how it ended; null if it was ended
   * @throws Error if its program could not be executed
   */
  end(timeoutMs: number, signal?: AbortSignal): Promise<HelperEnd>;
}

/** The environment and the bound of a hook. */
export interface HookOptions {
  cwd: string;
  /** The whole environment. */
  env: Record<string, string>;
  timeoutMs: number;
}
