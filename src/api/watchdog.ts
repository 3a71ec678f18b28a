import type { ErrorDocument } from '../errors.ts';
import type { MaintenanceState } from './protocol.ts';

/** The result of one check of everything. */
export interface WatchdogDocument {
  /** `maintenance`: alarms are silenced, whether or not there are any. */
  verdict: 'ok' | 'degraded' | 'maintenance';
  /** The result in one line. */
  summary: string;
  /** The problems, if any. */
  alarms: string[];
  /** Information that is no alarm. */
  notes: string[];
  maintenance: MaintenanceState | null;
  fleets: WatchedFleet[];
  host: { memoryAvailablePercent: number; memoryPressurePercent: number | null };
}

/** The numbers of a fleet that decide the verdict; each wanted slot is counted once. */
export interface WatchedFleet {
  name: string;
  target: number;
  ready: number;
  /** Coming up, without a failed start. */
  coming: number;
  /** Were ready, and fail their health checks. */
  unready: number;
  /** Failed to start once or twice, and are tried again. */
  failing: number;
  /** In a crash loop: failed to start at least three times in a row. */
  looping: number;
  /** No automatic start follows. */
  failed: number;
  /** Why it is held; null if it is not. */
  held: string | null;
  /** What blocks its starts: a limit of the host, or short memory. */
  blocked: string | null;
  /** A sentence about the leak; null if there is none, or only a suspicion. */
  leak: string | null;
  /** A description of the external count if it is too low; else null. */
  uncounted: string | null;
  strays: number;
}

/** GET watchdog. */
export type WatchdogAnswer = WatchdogDocument & { supervisor: { pid: number } };

/** What `fleetctl watchdog --json` prints; `down` if no supervisor runs, and none could be started. */
export type WatchdogReport =
  | (WatchdogAnswer & { line: string; supervisor: { pid: number; started: boolean } })
  | { verdict: 'down'; line: string; error: ErrorDocument };
