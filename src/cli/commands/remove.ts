import type { Context } from '../context.ts';
import { chooseFleet } from '../fleet.ts';
import { printJson, printMessage } from '../output.ts';

/** fleetctl remove: forgets a fleet at target 0. */
export async function run(context: Context): Promise<number> {
  const fleet = await chooseFleet(context);
  const purge = context.options.purge === true;
  await context.client.call('remove', { fleet, purge });
  if (context.json) printJson({ fleet, removed: true, purged: purge });
  else
    printMessage(
      `${fleet} is removed${purge ? ', with the directories of its slots' : '; the directories of its slots remain'}.`,
    );
  return 0;
}
