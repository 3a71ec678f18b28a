import type { Context } from '../context.ts';
import { chooseFleet } from '../fleet.ts';
import { printJson, say } from '../output.ts';

/** fleetctl remove: forgets a fleet at target 0. */
export async function run(context: Context): Promise<number> {
  const fleet = await chooseFleet(context);
  const purge = context.options.purge === true;
  await context.client.call('remove', { fleet, purge });
  if (context.json) printJson({ fleet, removed: true, purged: purge });
  else
    say(
      `${fleet} is forgotten${purge ? ' and its slots’ directories are gone' : '; its slots’ directories stay'}.`,
    );
  return 0;
}
