import type { RestartRequest } from '../../api/commands.ts';
import { formatSlots, parseSlots } from '../../specification/slots.ts';
import type { Context } from '../context.ts';
import { chooseFleet } from '../fleet.ts';
import { follow } from '../watch.ts';

/** fleetctl restart: restarts agents in rounds and waits until they are ready. */
export async function run(context: Context): Promise<number> {
  const { slots, latest } = context.options;
  const body: RestartRequest = {
    ...(slots !== undefined && { slots: formatSlots(parseSlots(slots)) }),
    ...(latest && { latest }),
  };
  return follow(context, async () => {
    const fleet = await chooseFleet(context);
    return context.client.call('restart', { fleet }, body);
  });
}
