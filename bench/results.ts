import type { MeasureName } from './measures/all.ts';

/** One figure. */
export interface Sample {
  contestant: string;
  agents: number;
  round: number;
  measure: MeasureName;
  /** How many lives came before in this run: a peer and the fleetd before it are one apart. */
  life: number;
  /** In the unit of the measure; null where it never came to that. */
  value: number | null;
}

/** A round that a contestant did not get through. */
export interface Failure {
  contestant: string;
  agents: number;
  round: number;
  /** What it was doing. */
  step: string;
  error: string;
}

/** Who took part, or why not. */
export interface Entry {
  contestant: string;
  version: string | null;
  skipped: string | null;
}

/** All that came of a run: what the JSON file holds. */
export interface Results {
  machine: Record<string, string>;
  command: string;
  begun: string;
  entries: Entry[];
  samples: Sample[];
  failures: Failure[];
}
