import { FleetError } from '../../errors/fleet-error.ts';
import type { Context } from '../context.ts';
import { formatTime } from '../format.ts';
import { durationMs } from '../numbers.ts';
import { printJson, printMessage } from '../output.ts';

/** fleetctl maintenance: silences alarms, or turns them on again. */
export async function run({ args, options, client, json }: Context): Promise<number> {
  const on = args[0] === 'on';
  if (!on && options.for !== undefined)
    throw new FleetError('USAGE', '--for is valid only with on', {
      hint: 'For example: fleetctl maintenance on --for 1h.',
    });
  const forMs = options.for === undefined ? undefined : durationMs(options.for, '--for');
  const { maintenance } = await client.call(
    'setMaintenance',
    {},
    { on, ...(forMs !== undefined && { forMs }) },
  );
  if (json) printJson({ maintenance });
  else if (!maintenance) printMessage('Alarms are on.');
  else if (maintenance.until === null) printMessage('Alarms are silenced until fleetctl maintenance off.');
  else printMessage(`Alarms are silenced until ${formatTime(maintenance.until)}.`);
  return 0;
}
