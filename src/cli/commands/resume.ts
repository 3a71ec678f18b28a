import type { Context } from '../context.ts';
import { chooseFleet } from '../fleet.ts';
import { printJson, printMessage } from '../output.ts';

/** fleetctl resume: ends a hold. */
export async function run(context: Context): Promise<number> {
  const fleet = await chooseFleet(context);
  await context.client.call('resume', { fleet });
  if (context.json) printJson({ fleet, held: false });
  else printMessage(`${fleet} is no longer held.`);
  return 0;
}
