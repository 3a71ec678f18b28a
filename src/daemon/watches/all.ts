import type { WatchKind } from '../fleet/context.ts';
import { Output } from '../fleet/output.ts';
import { Health } from './health.ts';
import { Leaks } from './leaks.ts';
import { Memory } from './memory.ts';
import { Pace } from './pace.ts';
import { Pressure } from './pressure.ts';
import { Readiness } from './readiness.ts';
import { Resources } from './resources.ts';
import { Sampler } from './sampler.ts';
import { Verification } from './verification.ts';

/** What every fleet is watched for, in the order in which the watches start and are called. */
export const WATCHES: readonly WatchKind[] = [
  Resources,
  Readiness,
  Health,
  Memory,
  Leaks,
  Sampler,
  Pressure,
  Verification,
  Pace,
  Output,
];
