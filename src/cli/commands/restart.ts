import type { RestartRequest } from '../../api/commands.ts';
import { formatSlots, parseSlots } from '../../specification/slots.ts';
import type { Context } from '../context.ts';
import { refuseForSeveral } from '../fleet.ts';
import { forEachFleet } from '../several.ts';
import { follow } from '../watch.ts';

/** fleetctl restart: restarts agents in rounds and waits until they are ready. */
export async function run(context: Context): Promise<number> {
  const { slots, latest } = context.options;
  const body: RestartRequest = {
    ...(slots !== undefined && { slots: formatSlots(parseSlots(slots)) }),
    ...(latest && { latest }),
  };
  refuseForSeveral(context, { '--slots': slots });
  return forEachFleet(context, (fleet) =>
    follow(context, () => context.client.call('restart', { fleet }, body)),
  );
}
