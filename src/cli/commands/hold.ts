import type { Context } from '../context.ts';
import { printMessage } from '../output.ts';
import { forEachFleet } from '../several.ts';

/** fleetctl hold: stops every automatic step of a fleet. */
export function run(context: Context): Promise<number> {
  return forEachFleet(context, async (fleet) => {
    await context.client.call('hold', { fleet });
    if (!context.json)
      printMessage(
        `${fleet} is held: nothing starts or restarts automatically. fleetctl resume ends the hold.`,
      );
    return { exitCode: 0, document: { fleet, held: true } };
  });
}
