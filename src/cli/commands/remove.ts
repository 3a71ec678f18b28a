import type { Context } from '../context.ts';
import { printMessage } from '../output.ts';
import { forEachFleet } from '../several.ts';

/** fleetctl remove: forgets a fleet at target 0. */
export function run(context: Context): Promise<number> {
  const purge = context.options.purge === true;
  return forEachFleet(context, async (fleet) => {
    await context.client.call('remove', { fleet, purge });
    if (!context.json)
      printMessage(
        `${fleet} is removed${purge ? ', with the directories of its slots' : '; the directories of its slots remain'}.`,
      );
    return { exitCode: 0, document: { fleet, removed: true, purged: purge } };
  });
}
