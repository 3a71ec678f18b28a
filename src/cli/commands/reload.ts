import { formatSlots, parseSlots } from '../../specification/slots.ts';
import type { Context } from '../context.ts';
import { refuseForSeveral } from '../fleet.ts';
import { forEachFleet } from '../several.ts';
import { follow } from '../watch.ts';

/** fleetctl reload: reloads agents in batches and waits until all of them have passed their ready check again. */
export async function run(context: Context): Promise<number> {
  const { slots } = context.options;
  const body = slots === undefined ? {} : { slots: formatSlots(parseSlots(slots)) };
  refuseForSeveral(context, { '--slots': slots });
  return forEachFleet(
    context,
    (fleet) => follow(context, () => context.client.call('reload', { fleet }, body)),
    { isCareful: true },
  );
}
