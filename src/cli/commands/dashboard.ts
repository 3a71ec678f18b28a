import type { DashboardRequest } from '../../api/supervisor.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import { PORT_MAX } from '../../specification/ports.ts';
import type { Context } from '../context.ts';
import { wholeNumber } from '../numbers.ts';
import { print, printJson, printMessage } from '../output.ts';

/** fleetctl dashboard: turns the dashboard on and prints its URL, or turns it off. */
export async function run({ client, options, json }: Context): Promise<number> {
  if (options.port !== undefined && options.off)
    throw FleetError.of('USAGE.exclusive', { one: '--port', other: '--off' });
  const { url } = await client.call('serveDashboard', {}, requestFor(options));
  if (json) printJson({ url });
  else if (url) print(url);
  else printMessage('The dashboard is off.');
  return 0;
}

function requestFor({ port, off }: Context['options']): DashboardRequest {
  if (off) return { port: null };
  return port === undefined ? {} : { port: wholeNumber(port, '--port', 1, PORT_MAX) };
}
