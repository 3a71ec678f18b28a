import { FleetError } from '../../errors/fleet-error.ts';
import { PORT_MAX } from '../../specification/ports.ts';
import { ANSWER_MS_MAX } from '../client.ts';
import type { Context } from '../context.ts';
import { wholeNumber } from '../numbers.ts';
import { print, printJson, printMessage } from '../output.ts';

/** fleetctl metrics: prints the metrics for Prometheus, or has them served at a loopback port. */
export async function run({ client, options, json }: Context): Promise<number> {
  if (options.port !== undefined && options.off)
    throw FleetError.of('USAGE.exclusive', { one: '--port', other: '--off' });
  if (options.port === undefined && !options.off) {
    const output = client.bytes('metrics', { agents: options.each }, { silenceMsMax: ANSWER_MS_MAX });
    const chunks: Uint8Array[] = [];
    for await (const chunk of output) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString('utf8');
    if (json) printJson({ metrics: text });
    else print(text.trimEnd());
    return 0;
  }
  const port = options.port === undefined ? null : wholeNumber(options.port, '--port', 1, PORT_MAX);
  await client.call('serveMetrics', {}, { port });
  const url = port === null ? null : `http://127.0.0.1:${port}/metrics`;
  if (json) printJson({ url });
  else if (url) print(url);
  else printMessage('Metrics are served at the API socket only.');
  return 0;
}
