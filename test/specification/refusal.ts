import { FleetError } from '../../src/errors/fleet-error.ts';

/** Runs what must throw a FleetError; gives that error as `CODE message`. */
export function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof FleetError) return `${error.code} ${error.message}`;
    throw error;
  }
  throw new Error('nothing was refused');
}
