import { FleetError } from '../errors/fleet-error.ts';
import { listSome } from '../specification/problems.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';

/** The names of the fleets that the supervisor knows. */
export async function fleetNames(client: Client): Promise<string[]> {
  return (await fleetsWithLabels(client)).map(({ name }) => name);
}

/** The fleets that the supervisor knows, with their labels. */
export async function fleetsWithLabels(
  client: Client,
): Promise<{ name: string; labels: Readonly<Record<string, string>> }[]> {
  try {
    const { fleets, labels } = await client.call('fleets');
    return fleets.map((name) => ({ name, labels: labels?.[name] ?? {} }));
  } catch (error) {
    if (!(error instanceof FleetError) || error.code !== 'REQUEST_INVALID') throw error;
    // A supervisor of 0.1, which still runs after an upgrade, knows neither that request nor labels.
    return (await client.call('status')).fleets.map(({ name }) => ({ name, labels: {} }));
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

/** A fleet as far as choosing is concerned. */
interface Labelled {
  name: string;
  /** Absent: a supervisor of an older version knows none. */
  labels?: Readonly<Record<string, string>>;
}

/** Whether --all-fleets or -l is given. @throws FleetError USAGE if the options contradict each other */
export function isForSeveral({ fleet, options: { allFleets, selector } }: Context): boolean {
  const given = [
    ...(fleet === null ? [] : ['--fleet']),
    ...(allFleets ? ['--all-fleets'] : []),
    ...(selector === undefined ? [] : ['--selector']),
  ];
  const [one, other] = given;
  if (other !== undefined) throw FleetError.of('USAGE.exclusive', { one: one!, other });
  return allFleets === true || selector !== undefined;
}

/** Refuses an option that is about one fleet, if several are chosen. @throws FleetError USAGE */
export function refuseForSeveral(context: Context, options: Readonly<Record<string, unknown>>): void {
  if (!isForSeveral(context)) return;
  const given = Object.entries(options).find(([, value]) => value !== undefined && value !== false);
  if (given) {
    throw new FleetError('USAGE', `${given[0]} is for one fleet`, {
      hint: 'Name it with --fleet NAME, instead of --all-fleets or -l.',
    });
  }
}

/** The names of the chosen fleets, sorted; null for a command about one fleet. @throws FleetError USAGE, UNKNOWN */
export async function chosenFleets(context: Context): Promise<string[] | null> {
  if (!isForSeveral(context)) return null;
  const isChosen = await chooserOf(context);
  const known = await fleetsWithLabels(context.client);
  const names = known.filter(isChosen).map(({ name }) => name);
  if (names.length > 0) return names.sort();
  const what =
    known.length === 0 ? 'the supervisor knows no fleet' : 'no fleet has the labels that -l asks for';
  throw new FleetError('UNKNOWN', what);
}

/** A test of the chosen fleets, for commands that show many. @throws FleetError USAGE */
export async function chooserOf(context: Context): Promise<(fleet: Labelled) => boolean> {
  isForSeveral(context);
  const { fleet, options } = context;
  if (fleet !== null) return ({ name }) => name === fleet;
  if (options.selector === undefined) return () => true;
  const { parseSelectors, selects } = await import('../specification/selector.ts');
  const selectors = options.selector.flatMap(parseSelectors);
  return ({ labels }) => selects(selectors, labels ?? {});
}
