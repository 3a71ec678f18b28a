import { FleetError } from '../errors/fleet-error.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';

/** The names of the fleets that the supervisor knows. */
export async function fleetNames(client: Client): Promise<string[]> {
  const { fleets } = await client.call('status');
  return fleets.map((fleet) => fleet.name);
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
    throw new FleetError('AMBIGUOUS', `there are several fleets: ${names.join(', ')}`);
  }
  return name;
}
