import type { Context } from '../context.ts';
import { chooseFleet } from '../fleet.ts';
import { printJson, say } from '../output.ts';

/** fleetctl hold: no automatic step any more. */
export async function run(context: Context): Promise<number> {
  const fleet = await chooseFleet(context);
  await context.client.call('hold', { fleet });
  if (context.json) printJson({ fleet, held: true });
  else say(`${fleet} is held: nothing starts or restarts by itself. fleetctl resume lets it go on.`);
  return 0;
}
