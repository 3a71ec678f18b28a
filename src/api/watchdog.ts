import type { ErrorDocument } from '../errors.ts';
import type { MaintenanceState } from './protocol.ts';

/** What one look at everything comes to. */
export interface WatchdogDocument {
  /** `maintenance`: alarms rest, whatever there is. */
  verdict: 'ok' | 'degraded' | 'maintenance';
  /** What there is to say of it, in one line. */
  summary: string;
  /** What is wrong; empty where nothing is. */
  alarms: string[];
  /** What is worth knowing, and no alarm. */
  notes: string[];
  maintenance: MaintenanceState | null;
  fleets: WatchedFleet[];
  host: { memoryAvailablePercent: number; memoryPressurePercent: number | null };
}

/** A fleet in the numbers that the verdict is made from: each wanted slot is counted once. */
export interface WatchedFleet {
  name: string;
  target: number;
  ready: number;
  /** On their way up, with no failed start behind them. */
  coming: number;
  /** Were ready, and fail their health checks. */
  unready: number;
  /** Failed to start once or twice, and are tried again. */
  failing: number;
  /** Failed to start so often in a row that it is no accident. */
  looping: number;
  /** Given up: nothing will start them. */
  failed: number;
  /** Why it is held; null where it is not. */
  held: string | null;
  /** What keeps it from starting agents: a limit of the host, or short memory. */
  blocked: string | null;
  /** What is said of a leak; null where there is none, or a suspicion at most. */
  leak: string | null;
  /** What somebody else counts, where that is too few; null where it is not. */
  uncounted: string | null;
  strays: number;
}

/** GET watchdog. */
export type WatchdogAnswer = WatchdogDocument & { supervisor: { pid: number } };

/** What `fleetctl watchdog --json` prints; `down` where there is no supervisor, and none could be started. */
export type WatchdogReport =
  | (WatchdogAnswer & { line: string; supervisor: { pid: number; started: boolean } })
  | { verdict: 'down'; line: string; error: ErrorDocument };
