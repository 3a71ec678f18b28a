import type { FleetEvent } from '../../api/events.ts';
import { ANSWER_MS_MAX } from '../client.ts';
import type { Context } from '../context.ts';
import { formatTime } from '../format.ts';
import { wholeNumber } from '../numbers.ts';
import { print, printJson, printMessage } from '../output.ts';
import { oneLine } from '../plain.ts';
import { PATIENCE, reconnecting } from '../reconnect.ts';

const LIMIT_DEFAULT = 100;

/** fleetctl events: prints what happened and why; with --follow also what happens next. */
export async function run({ client, fleet, json, options }: Context): Promise<number> {
  const limit = options.limit === undefined ? LIMIT_DEFAULT : wholeNumber(options.limit, '--limit');
  const events = (query: { limit?: number; after?: number; follow?: true }): AsyncIterable<FleetEvent> =>
    client.lines('events', { fleet, ...query }, query.follow ? {} : { silenceMsMax: ANSWER_MS_MAX });
  // A supervisor that goes away later is waited for; none at the beginning is an error.
  if (options.follow) await client.call('status');
  const stream = options.follow ? followed(events, limit) : events({ limit });
  for await (const event of stream) {
    if (json) printJson(event);
    else print(eventLine(event));
  }
  return 0;
}

/** Yields events and, after a restart of the supervisor, continues after the last one seen. */
async function* followed(
  events: (query: { limit?: number; after?: number; follow: true }) => AsyncIterable<FleetEvent>,
  limit: number,
): AsyncGenerator<FleetEvent> {
  yield* reconnecting<FleetEvent>(
    (last) => events(last === null ? { limit, follow: true } : { after: last.seq, follow: true }),
    {
      ...PATIENCE,
      onAway: (awayMs) => awayMs === 0 && printMessage('The supervisor is away; waiting for it.'),
    },
  );
}

function eventLine({ at, fleet, type, slots, reason }: FleetEvent): string {
  const subject = fleet === null ? 'supervisor' : slots === null ? fleet : `${fleet} ${slots}`;
  return `${formatTime(at)}  ${oneLine(subject)}  ${oneLine(type)}  ${oneLine(reason)}`;
}
