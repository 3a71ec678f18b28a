import type { AgentMeasure } from '../doctor/demand.ts';
import type { HostFacts } from '../doctor/facts.ts';
import type { FleetError } from '../errors/fleet-error.ts';
import type { FactsOptions } from './facts/facts.ts';

/** The limits of this host and how near they are, for findings and for messages. */
export interface Facts {
  /** The quick facts of the host; costs some milliseconds. */
  read(options: FactsOptions): HostFacts;
  /**
   * What agents take, on average over a sample of them; leaves descriptors out.
   * @param pids the agents' main processes
   * @returns null where none of them could be read
   */
  measureAgents(pids: readonly number[]): AgentMeasure | null;
  /**
   * Says which limit of the host a failed call ran into, with its value.
   * @param code the errno's name
   * @param path what was being written, for limits of file systems
   * @returns null where the error is no matter of limits
   */
  describeLimit(code: string, path: string): { limit: string; hint: string } | null;
  /**
   * Turns a failed call into an error for people; one that is for people already stays as it is.
   * @param what what could not be done, with the path that it was about
   */
  explain(what: string, error: unknown, path: string): FleetError;
}
