import type { FleetEvent } from '../../api/events.ts';
import { ANSWER_MS_MAX, type Client } from '../client.ts';
import type { Context } from '../context.ts';
import { chosenFleets, isForSeveral } from '../fleet.ts';
import { formatTime } from '../format.ts';
import { wholeNumber } from '../numbers.ts';
import { print, printJson, printMessage } from '../output.ts';
import { oneLine } from '../plain.ts';
import { PATIENCE, reconnecting } from '../reconnect.ts';

const LIMIT_DEFAULT = 100;

/** fleetctl events: prints what happened and why; with --follow also what happens next. */
export async function run(context: Context): Promise<number> {
  const { client, fleet, json, options } = context;
  const limit = options.limit === undefined ? LIMIT_DEFAULT : wholeNumber(options.limit, '--limit');
  const events = (query: Query): AsyncIterable<FleetEvent> =>
    client.lines('events', { fleet, ...query }, query.follow ? {} : { silenceMsMax: ANSWER_MS_MAX });
  // A supervisor that goes away later is waited for; none at the beginning is an error.
  if (options.follow) await client.call('status');
  // Without a selector, these are all events: also those of the supervisor, and of fleets to come.
  const isEverything = isForSeveral(context) && options.selector === undefined;
  const chosen = isEverything ? null : await chosenFleets(context);
  const ask = chosen === null ? events : (query: Query) => ofFleets(client, chosen, query);
  const stream = options.follow ? followed(ask, limit) : ask({ limit });
  for await (const event of stream) {
    if (json) printJson(event);
    else print(eventLine(event));
  }
  return 0;
}

interface Query {
  limit?: number;
  after?: number;
  follow?: true;
}

/** The events of some fleets: the last ones of each, in their order, and then all that follow. */
async function* ofFleets(
  client: Client,
  names: readonly string[],
  { limit, after, follow }: Query,
): AsyncGenerator<FleetEvent> {
  const past: FleetEvent[] = [];
  for (const fleet of after === undefined ? names : []) {
    const options = { silenceMsMax: ANSWER_MS_MAX };
    // At least one, to know after which one to follow.
    const query = { fleet, limit: Math.max(1, limit ?? 0) };
    for await (const event of client.lines('events', query, options)) past.push(event);
  }
  past.sort((a, b) => a.seq - b.seq);
  if (limit !== undefined && limit > 0) yield* past.slice(-limit);
  if (!follow) return;
  const since = { after: after ?? past.at(-1)?.seq ?? 0, follow };
  for await (const event of client.lines('events', since)) {
    if (event.fleet !== null && names.includes(event.fleet)) yield event;
  }
}

/** Yields events and, after a restart of the supervisor, continues after the last one seen. */
async function* followed(
  events: (query: Query) => AsyncIterable<FleetEvent>,
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
