import { FleetError } from '../errors/fleet-error.ts';
import { listSome } from '../specification/problems.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';

/** The names of the fleets that the supervisor knows. */
export async function fleetNames(client: Client): Promise<string[]> {
  try {
    return (await client.call('fleets')).fleets;
  } catch (error) {
    if (!(error instanceof FleetError) || error.code !== 'REQUEST_INVALID') throw error;
    // A supervisor of 0.1, which still runs after an upgrade, does not know that request.
    return (await client.call('status')).fleets.map(({ name }) => name);
  }
}

/** The fleet of a command: the one that --fleet names, else the only one. The supervisor refuses an unknown name. */
export async function chooseFleet({ fleet, client }: Context): Promise<string> {
  return fleet ?? onlyFleet(await fleetNames(client));
}

/** The only fleet. @throws FleetError UNKNOWN if there is none, AMBIGUOUS if there are several */
export function onlyFleet(names: string[]): string {
  const [name, second] = names;
  if (name === undefined) {
    throw new FleetError('UNKNOWN', 'the supervisor knows no fleet', {
      hint: 'fleetctl init writes a spec, fleetctl spawn starts it.',
    });
  }
  if (second !== undefined) {
    throw new FleetError('AMBIGUOUS', `there are several fleets: ${listSome(names)}`);
  }
  return name;
}
