import type { ExitStatus } from '../../fleet/restart.ts';

/** How a helper (prepare, an exec check) ended; null where it was killed for taking too long. */
export type HelperEnd = ExitStatus | null;

/** Something that was started and is of no slot. */
export interface RunningErrand {
  /**
   * Waits for its end, or ends it with all that it forked once `timeoutMs` are over.
   * @returns how it ended; null where it took too long
   * @throws Error where it never came to its program
   */
  end(timeoutMs: number): Promise<HelperEnd>;
}

/** Where and how long a hook runs. */
export interface HookOptions {
  cwd: string;
  /** The whole environment. */
  env: Record<string, string>;
  timeoutMs: number;
}
