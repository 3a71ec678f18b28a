import type { Context } from '../context.ts';
import { printMessage } from '../output.ts';
import { forEachFleet } from '../several.ts';

/** fleetctl remove: forgets a fleet at target 0; with --purge also deletes what a fleet left that was removed before. */
export function run(context: Context): Promise<number> {
  const purge = context.options.purge === true;
  return forEachFleet(context, async (fleet) => {
    // A supervisor of 0.1, which still runs after an upgrade, does not say whether it knew the fleet, and refuses others.
    const { known = true } = await context.client.call('remove', { fleet, purge });
    if (!context.json) printMessage(describe(fleet, purge, known));
    return { exitCode: 0, document: { fleet, removed: known, purged: purge } };
  });
}

function describe(fleet: string, purge: boolean, known: boolean): string {
  if (!known) return `${fleet} had been removed before; the directories that it had left are deleted now.`;
  if (purge) return `${fleet} is removed, with the directories of its slots.`;
  return `${fleet} is removed; the directories of its slots remain. fleetctl remove --fleet ${fleet} --purge deletes them.`;
}
