import type { KillRequest } from '../../api/commands.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import { AGENTS_MAX, formatSlots, parseSlots } from '../../specification/slots.ts';
import type { Context } from '../context.ts';
import { chooseFleet } from '../fleet.ts';
import { wholeNumber } from '../numbers.ts';
import { follow } from '../watch.ts';

/** fleetctl kill: lowers the target and waits until the processes are gone. */
export async function run(context: Context): Promise<number> {
  const body = killRequest(context);
  return follow(context, async () => {
    const fleet = await chooseFleet(context);
    return context.client.call('kill', { fleet }, body);
  });
}

function killRequest({ args: [count], options }: Context): KillRequest {
  const { slots, all, now = false, purge = false } = options;
  const given = [count, slots, all].filter((selection) => selection !== undefined).length;
  if (given !== 1) {
    throw new FleetError('USAGE', 'kill takes exactly one of COUNT, --slots and --all');
  }
  const how = { ...(now && { now }), ...(purge && { purge }) };
  if (count !== undefined) return { count: wholeNumber(count, 'COUNT', 1, AGENTS_MAX), ...how };
  return slots === undefined ? { all: true, ...how } : { slots: formatSlots(parseSlots(slots)), ...how };
}
