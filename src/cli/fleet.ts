import { FleetError } from '../errors.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';

/** The names of the fleets that the supervisor knows. */
export async function fleetNames(client: Client): Promise<string[]> {
  const { fleets } = await client.call('status');
  return fleets.map((fleet) => fleet.name);
}

/** The fleet that a command is about: the one named, else the only one. A wrong name is the supervisor's to refuse. */
export async function chooseFleet({ fleet, client }: Context): Promise<string> {
  return fleet ?? onlyFleet(await fleetNames(client));
}

/** The only fleet there is. */
export function onlyFleet(names: string[]): string {
  const [name, second] = names;
  if (name === undefined) {
    throw new FleetError('UNKNOWN', 'No fleet is known here.', {
      hint: 'fleetctl init writes a spec, fleetctl spawn starts it.',
    });
  }
  if (second !== undefined) {
    throw new FleetError('AMBIGUOUS', `There are several fleets: ${names.join(', ')}.`);
  }
  return name;
}
