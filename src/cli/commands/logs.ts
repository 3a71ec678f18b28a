import { SLOT_MAX } from '../../specification/slots.ts';
import { ANSWER_MS_MAX } from '../client.ts';
import type { Context } from '../context.ts';
import { chooseFleet } from '../fleet.ts';
import { linesOf } from '../lines.ts';
import { wholeNumber } from '../numbers.ts';
import { printJson } from '../output.ts';
import { visibleControls } from '../plain.ts';

const LINES_DEFAULT = 100;
const LINE_CHARACTERS_MAX = 64 * 1024;

/** fleetctl logs: prints an agent's output, unchanged into a pipe, made harmless on a terminal. */
export async function run(context: Context): Promise<number> {
  const { args, client, json, options } = context;
  const slot = wholeNumber(args[0]!, 'SLOT', 0, SLOT_MAX);
  const lines = options.lines === undefined ? LINES_DEFAULT : wholeNumber(options.lines, '--lines');
  const fleet = await chooseFleet(context);
  const output = client.bytes(
    'log',
    { fleet, slot, lines, follow: options.follow },
    options.follow ? {} : { silenceMsMax: ANSWER_MS_MAX },
  );
  if (json) await printLines(output, slot);
  else if (process.stdout.isTTY) await showOnTerminal(output);
  else for await (const chunk of output) await written(chunk);
  return 0;
}

async function printLines(output: AsyncIterable<Uint8Array>, slot: number): Promise<void> {
  for await (const line of linesOf(output, LINE_CHARACTERS_MAX)) printJson({ slot, line });
}

async function showOnTerminal(output: AsyncIterable<Uint8Array>): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of output) await written(visibleControls(decoder.decode(chunk, { stream: true })));
}

function written(content: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => process.stdout.write(content, () => resolve()));
}
