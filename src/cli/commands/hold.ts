import type { Context } from '../context.ts';
import { chooseFleet } from '../fleet.ts';
import { printJson, printMessage } from '../output.ts';

/** fleetctl hold: stops every automatic step of a fleet. */
export async function run(context: Context): Promise<number> {
  const fleet = await chooseFleet(context);
  await context.client.call('hold', { fleet });
  if (context.json) printJson({ fleet, held: true });
  else
    printMessage(
      `${fleet} is held: nothing starts or restarts automatically. fleetctl resume ends the hold.`,
    );
  return 0;
}
