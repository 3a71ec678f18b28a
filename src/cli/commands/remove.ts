import type { Context } from '../context.ts';
import { chooseFleet } from '../fleet.ts';
import { printJson, printMessage } from '../output.ts';

/** fleetctl remove: forgets a fleet at target 0; with --purge also deletes what a fleet left that was removed before. */
export async function run(context: Context): Promise<number> {
  const fleet = await chooseFleet(context);
  const purge = context.options.purge === true;
  // A supervisor of 0.1, which still runs after an upgrade, does not say whether it knew the fleet, and refuses others.
  const { known = true } = await context.client.call('remove', { fleet, purge });
  if (context.json) printJson({ fleet, removed: known, purged: purge });
  else printMessage(describe(fleet, purge, known));
  return 0;
}

function describe(fleet: string, purge: boolean, known: boolean): string {
  if (!known) return `${fleet} had been removed before; the directories that it had left are deleted now.`;
  if (purge) return `${fleet} is removed, with the directories of its slots.`;
  return `${fleet} is removed; the directories of its slots remain. fleetctl remove --fleet ${fleet} --purge deletes them.`;
}
