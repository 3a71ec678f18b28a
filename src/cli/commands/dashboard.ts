import { API, type DashboardPlace, type DashboardRequest } from '../../api/protocol.ts';
import { FleetError } from '../../errors.ts';
import type { Context } from '../context.ts';
import { wholeNumber } from '../numbers.ts';
import { print, printJson, printMessage } from '../output.ts';

/** fleetctl dashboard: turns the dashboard on and prints its URL, or turns it off. */
export async function run({ client, options, json }: Context): Promise<number> {
  if (options.port !== undefined && options.off)
    throw new FleetError('USAGE', '--port and --off are mutually exclusive');
  const { url } = await client.request<DashboardPlace>('POST', API.dashboard, requestFor(options));
  if (json) printJson({ url });
  else if (url) print(url);
  else printMessage('The dashboard is off.');
  return 0;
}

function requestFor({ port, off }: Context['options']): DashboardRequest {
  if (off) return { port: null };
  return port === undefined ? {} : { port: wholeNumber(port, '--port', 1) };
}
