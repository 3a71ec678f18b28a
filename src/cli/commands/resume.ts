import type { Context } from '../context.ts';
import { printMessage } from '../output.ts';
import { forEachFleet } from '../several.ts';

/** fleetctl resume: ends a hold. */
export function run(context: Context): Promise<number> {
  return forEachFleet(context, async (fleet) => {
    await context.client.call('resume', { fleet });
    if (!context.json) printMessage(`${fleet} is no longer held.`);
    return { exitCode: 0, document: { fleet, held: false } };
  });
}
