import type { ErrorDocument } from '../errors.ts';
import type { WatchdogDocument } from '../supervisor/watchdog.ts';

/** GET watchdog. */
export type WatchdogAnswer = WatchdogDocument & { supervisor: { pid: number } };

/** What `fleetctl watchdog --json` prints; `down` where there is no supervisor, and none could be started. */
export type WatchdogReport =
  | (WatchdogAnswer & { line: string; supervisor: { pid: number; started: boolean } })
  | { verdict: 'down'; line: string; error: ErrorDocument };
