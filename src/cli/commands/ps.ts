import type { AgentRow } from '../../api/agents.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import { formatSlots, parseSlots } from '../../specification/slots.ts';
import { formatSize } from '../../specification/units.ts';
import type { Context } from '../context.ts';
import { chosenFleets } from '../fleet.ts';
import { formatElapsed } from '../format.ts';
import { wholeNumber } from '../numbers.ts';
import { print, printJson, printMessage } from '../output.ts';
import type { Colour } from '../style.ts';
import { paintFor } from '../style.ts';
import type { Column } from '../table.ts';
import { formatTable } from '../table.ts';

/** fleetctl ps: prints one line per agent. */
export async function run(context: Context): Promise<number> {
  const { client, fleet, json, options } = context;
  const order = orderOf(options.sort ?? 'slot');
  const limit = options.limit === undefined ? undefined : wholeNumber(options.limit, '--limit', 1);
  const slots = options.slots === undefined ? null : formatSlots(parseSlots(options.slots));
  const chosen = await chosenFleets(context);
  const document = await client.call('agents', { fleet, slots, usage: options.usage });
  const shown = document.agents.filter((agent) => chosen === null || chosen.includes(agent.fleet));
  const agents = shown.sort(order).slice(0, limit);
  if (json) printJson({ agents });
  else if (agents.length === 0) printMessage('No agents.');
  else print(agentTable(agents));
  return 0;
}

type Order = (a: AgentRow, b: AgentRow) => number;

const bySlot: Order = (a, b) => compare(a.fleet, b.fleet) || a.slot - b.slot;
const ORDERS: Record<string, Order> = {
  slot: bySlot,
  rss: (a, b) => (b.rssBytes ?? -1) - (a.rssBytes ?? -1) || bySlot(a, b),
  restarts: (a, b) => b.restarts - a.restarts || bySlot(a, b),
  up: (a, b) => compare(a.startedAt ?? '~', b.startedAt ?? '~') || bySlot(a, b),
};

function orderOf(key: string): Order {
  const order = Object.hasOwn(ORDERS, key) ? ORDERS[key] : undefined;
  if (order) return order;
  const expected = `one of ${Object.keys(ORDERS).join(', ')}`;
  throw FleetError.of('USAGE.value', { what: '--sort', expected, found: key });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function agentTable(agents: AgentRow[]): string {
  const placed = agents.some(({ address }) => address)
    ? COLUMNS.toSpliced(PORT_AT, 0, ADDRESS_COLUMN)
    : COLUMNS;
  const columns = agents.some(({ usage }) => usage) ? placed.toSpliced(-2, 0, ...USAGE_COLUMNS) : placed;
  return formatTable(columns, agents, { paint: paintFor(process.stdout), widthMax: process.stdout.columns });
}

const COLOURS: Partial<Record<AgentRow['state'], Colour>> = {
  failed: 'red',
  backoff: 'yellow',
  unready: 'yellow',
};

const COLUMNS: Column<AgentRow>[] = [
  { title: 'FLEET', cell: ({ fleet }) => fleet, widthMin: 12 },
  { title: 'SLOT', align: 'right', cell: ({ slot }) => String(slot) },
  { title: 'STATE', cell: ({ state }) => state, colour: ({ state }) => COLOURS[state] ?? null },
  { title: 'PID', align: 'right', cell: ({ pid }) => String(pid ?? '-') },
  { title: 'PORT', align: 'right', cell: ({ port }) => String(port ?? '-') },
  { title: 'RESTARTS', align: 'right', cell: ({ restarts }) => String(restarts) },
  {
    title: 'UP',
    align: 'right',
    cell: ({ pid, startedAt }) => (pid === null ? '-' : age(startedAt)),
    spare: 1,
  },
  { title: 'RSS', align: 'right', cell: ({ rssBytes }) => (rssBytes === null ? '-' : formatSize(rssBytes)) },
  {
    title: 'RELEASE',
    cell: ({ release, moved }) => (release === null ? '-' : `${release}${moved ? '*' : ''}`),
    widthMin: 7,
  },
  { title: 'LAST EXIT', cell: ({ lastExit }) => lastExit?.reason ?? '-' },
];

const PORT_AT = COLUMNS.findIndex(({ title }) => title === 'PORT');
const ADDRESS_COLUMN: Column<AgentRow> = {
  title: 'ADDRESS',
  align: 'right',
  cell: ({ address }) => address ?? '-',
};

const USAGE_COLUMNS: Column<AgentRow>[] = [
  { title: 'CPU', align: 'right', cell: ({ usage }) => (usage ? `${usage.cpuPercent.toFixed(1)}%` : '-') },
  { title: 'TIME', align: 'right', cell: ({ usage }) => (usage ? `${usage.cpuSeconds.toFixed(2)}s` : '-') },
  { title: 'THREADS', align: 'right', cell: ({ usage }) => String(usage?.threads ?? '-') },
  { title: 'FILES', align: 'right', cell: ({ usage }) => String(usage?.files ?? '-') },
];

function age(startedAt: string | null): string {
  return startedAt === null ? '-' : formatElapsed(Date.now() - Date.parse(startedAt));
}
