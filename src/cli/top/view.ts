import type { AgentRow } from '../../api/agents.ts';
import { conditionOf } from '../../api/condition.ts';
import type { FleetStatus } from '../../api/fleets.ts';
import type { StatusDocument } from '../../api/status.ts';
import { formatSize } from '../../specification/units.ts';
import { describeOthers, worstFirst } from '../../supervisor/worst.ts';
import { formatCount, formatElapsed } from '../format.ts';
import { reasonsOf } from '../reasons.ts';
import type { Paint } from '../style.ts';
import { type Column, formatTable } from '../table.ts';
import { cutTo } from '../width.ts';
import { sparkline } from './sparkline.ts';

/** The keys that agents can be sorted by, largest first. */
export const SORTS = ['rss', 'restarts', 'up', 'slot'] as const;
export type Sort = (typeof SORTS)[number];

/** Everything that the screen shows, and what the user has chosen. */
export interface TopState {
  status: StatusDocument;
  /** The agents of the chosen fleet. */
  agents: readonly AgentRow[];
  /** Resident memory over time, by fleet, oldest first. */
  trends: ReadonlyMap<string, readonly number[]>;
  fleet: string | null;
  sort: Sort;
  /** The number of agents above the screen. */
  scroll: number;
  nowMs: number;
  /** The problem of the connection, if any. */
  problem: string | null;
}

export interface Size {
  columns: number;
  rows: number;
}

const TREND_WIDTH = 12;
const KEYS = 'q quit  s sort  f F fleet  ↑↓ PgUp PgDn move';
/** The share of the screen for fleets, and for what is to be known of them; agents need room too. */
const FLEETS_SHARE = 1 / 4;
const FLEETS_MAX = 20;
/** Lines that are always there: of the head, the titles, one agent, the foot and between them. */
const FIXED_LINES = 8;

/** Draws the screen: exactly `rows` lines, none wider than `columns`. */
export function drawTop(state: TopState, size: Size, paint: Paint): string[] {
  const { columns, rows } = size;
  const above = upperPart(state, size, paint);
  const room = Math.max(1, rows - above.length - 2);
  const sorted = sortAgents(state.agents, state.sort).slice(state.scroll, state.scroll + room);
  const table = formatTable(AGENT_COLUMNS(state.nowMs), sorted, { paint, widthMax: columns }).split('\n');
  const lines = [...above, ...table];
  while (lines.length < rows - 1) lines.push('');
  return [...lines.slice(0, rows - 1), paint('dim', cutTo(foot(state, room), columns))];
}

/** Everything above the agents. */
function upperPart(state: TopState, { columns, rows }: Size, paint: Paint): string[] {
  const { fleets, others } = chooseFleets(state, rows);
  const reasons = fleets.flatMap((fleet) => reasonsOf(fleet).map((reason) => `${fleet.name}: ${reason}`));
  return [
    ...head(state, columns),
    '',
    ...formatTable(FLEET_COLUMNS(state), fleets, { paint, widthMax: columns }).split('\n'),
    ...(others.length > 0 ? [cutTo(describeOthers(others.map(conditionOf), fleets.length), columns)] : []),
    ...reasons.slice(0, roomIn(rows)).map((line) => paint('yellow', cutTo(line, columns))),
    '',
  ].slice(0, Math.max(0, rows - 3));
}

/** The fleets to show: the one whose agents are listed, and the worst of the others. */
function chooseFleets(
  { status, fleet }: TopState,
  rows: number,
): { fleets: FleetStatus[]; others: FleetStatus[] } {
  const room = roomIn(rows);
  const listed = status.fleets.filter(({ name }) => name === fleet);
  if (status.fleets.length <= room) return { fleets: status.fleets, others: [] };
  const rest = status.fleets.filter(({ name }) => name !== fleet);
  const { shown, others } = worstFirst(rest, room - listed.length, conditionOf);
  return { fleets: [...listed, ...shown], others };
}

/** The number of lines for fleets on a screen of so many, and for reasons. */
function roomIn(rows: number): number {
  return Math.max(1, Math.min(FLEETS_MAX, Math.floor((rows - FIXED_LINES) * FLEETS_SHARE)));
}

/** The names of all fleets in the order in which keys go through them: the worst first. */
export function namesInTurn({ fleets }: StatusDocument): string[] {
  return worstFirst(fleets, 0, conditionOf).others.map(({ name }) => name);
}

/** How far down agents can be scrolled: until the last one is at the bottom. */
export function scrollMax(state: TopState, size: Size): number {
  const above = upperPart(state, size, (_colour, text) => text).length;
  return Math.max(0, state.agents.length - Math.max(1, size.rows - above - 2));
}

/** Agents in the chosen order. */
export function sortAgents(agents: readonly AgentRow[], sort: Sort): AgentRow[] {
  const weight: Record<Sort, (agent: AgentRow) => number> = {
    rss: ({ rssBytes }) => rssBytes ?? -1,
    restarts: ({ restarts }) => restarts,
    up: ({ startedAt }) => (startedAt === null ? Number.NEGATIVE_INFINITY : -Date.parse(startedAt)),
    slot: () => 0,
  };
  return agents.toSorted((a, b) => weight[sort](b) - weight[sort](a) || a.slot - b.slot);
}

function head({ status, problem }: TopState, columns: number): string[] {
  const { supervisor, host, maintenance } = status;
  const used = 1 - host.memoryAvailableBytes / host.memoryTotalBytes;
  const pressure = host.memoryPressure === null ? '' : `, pressure ${host.memoryPressure} %`;
  const alarms = maintenance ? '  alarms silenced' : '';
  return [
    `fleetd ${supervisor.version}  pid ${supervisor.pid}  up ${formatElapsed(1000 * supervisor.uptimeSeconds)}  ${formatSize(supervisor.rssBytes)}${alarms}`,
    `memory ${bar(used, 20)} ${(100 * used).toFixed(0)} % of ${formatSize(host.memoryTotalBytes)}${pressure}`,
    ...(problem === null ? [] : [problem]),
  ].map((line) => cutTo(line, columns));
}

function bar(share: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width);
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}]`;
}

function foot({ agents, scroll, sort, fleet }: TopState, room: number): string {
  const last = Math.min(agents.length, scroll + room);
  const shown = agents.length === 0 ? 'no agents' : `${scroll + 1}–${last} of ${formatCount(agents.length)}`;
  return `${fleet ?? 'no fleet'}: ${shown}, by ${sort}   ${KEYS}`;
}

const bytes = (value: number | null): string => (value === null ? '-' : formatSize(value));

const FLEET_COLUMNS = ({ trends, fleet }: TopState): Column<FleetStatus>[] => [
  { title: 'FLEET', cell: ({ name }) => `${name === fleet ? '>' : ' '}${name}`, widthMin: 16 },
  { title: 'TARGET', align: 'right', cell: ({ target }) => formatCount(target) },
  {
    title: 'READY',
    align: 'right',
    cell: ({ ready }) => formatCount(ready),
    colour: ({ ready, target }) => (ready < target ? 'yellow' : null),
  },
  { title: 'START', align: 'right', cell: ({ starting }) => formatCount(starting), spare: 2 },
  { title: 'STOP', align: 'right', cell: ({ stopping }) => formatCount(stopping), spare: 3 },
  {
    title: 'DOWN',
    align: 'right',
    cell: ({ backoff, failed }) => formatCount(backoff + failed),
    colour: ({ backoff, failed }) => (backoff + failed > 0 ? 'red' : null),
  },
  { title: 'RSS', align: 'right', cell: ({ rssBytes }) => bytes(rssBytes) },
  { title: 'PSS', align: 'right', cell: ({ pssBytes }) => bytes(pssBytes), spare: 4 },
  { title: 'TREND', cell: ({ name }) => sparkline(trends.get(name) ?? [], TREND_WIDTH), spare: 1 },
];

const AGENT_COLUMNS = (nowMs: number): Column<AgentRow>[] => [
  { title: 'SLOT', align: 'right', cell: ({ slot }) => String(slot) },
  {
    title: 'STATE',
    cell: ({ state }) => state,
    colour: ({ state }) => (state === 'ready' ? null : state === 'failed' ? 'red' : 'yellow'),
  },
  { title: 'PID', align: 'right', cell: ({ pid }) => String(pid ?? '-'), spare: 2 },
  { title: 'PORT', align: 'right', cell: ({ port }) => String(port ?? '-'), spare: 3 },
  { title: 'RESTARTS', align: 'right', cell: ({ restarts }) => String(restarts) },
  {
    title: 'UP',
    align: 'right',
    cell: ({ startedAt }) => (startedAt === null ? '-' : formatElapsed(nowMs - Date.parse(startedAt))),
  },
  { title: 'RSS', align: 'right', cell: ({ rssBytes }) => bytes(rssBytes) },
  { title: 'LAST EXIT', cell: ({ lastExit }) => lastExit?.reason ?? '-' },
];
