import type { WatchKind } from '../fleet/context.ts';
import { Output } from '../fleet/output.ts';
import { Preparation } from '../fleet/preparation.ts';
import { Stops } from '../fleet/stops.ts';
import { Alerts } from './alerts.ts';
import { Health } from './health.ts';
import { Leaks } from './leaks.ts';
import { Memory } from './memory.ts';
import { MemoryReader } from './memory-reader.ts';
import { Notifications } from './notifications.ts';
import { Pace } from './pace.ts';
import { Pressure } from './pressure.ts';
import { Readiness } from './readiness.ts';
import { Reloads } from './reloads.ts';
import { Resources } from './resources.ts';
import { Succession } from './succession.ts';
import { Verification } from './verification.ts';

/**
 * The watches of every fleet, in the order in which they start and are called. Two orders matter: before a turn,
 * Pressure may lower the pace, and Pace reports it after that; and Alerts looks at what Leaks and Pressure have found. No
 * other watch depends on its place.
 */
export const WATCHES: readonly WatchKind[] = [
  Resources,
  Readiness,
  Health,
  Memory,
  Leaks,
  MemoryReader,
  Pressure,
  Verification,
  Pace,
  Output,
  Preparation,
  Stops,
  Reloads,
  Notifications,
  Succession,
  Alerts,
];
