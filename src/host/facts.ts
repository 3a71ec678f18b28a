import type { AgentMeasure } from '../doctor/demand.ts';
import type { HostFacts } from '../doctor/facts.ts';
import type { FleetError } from '../errors/fleet-error.ts';
import type { FactsOptions } from './facts/facts.ts';

/** The limits of this host and their use, for findings and for messages. */
export interface Facts {
  /** Reads the quick facts of the host; costs some milliseconds. */
  read(options: FactsOptions): HostFacts;
  /**
   * Measures what agents use, on average over a sample of them, without descriptors.
   * @param pids the agents' main processes
   * @returns null if none of them could be read
   */
  measureAgents(pids: readonly number[]): AgentMeasure | null;
  /**
   * Describes the limit of the host that a failed call reached, with its value.
   * @param code the errno's name
   * @param path the path that was written, for limits of file systems
   * @returns null if the error does not concern a limit
   */
  describeLimit(code: string, path: string): { limit: string; hint: string } | null;
  /**
   * Turns a failed call into an error for users; a FleetError stays unchanged.
   * @param what the action that failed, with its path
   */
  explain(what: string, error: unknown, path: string): FleetError;
}
