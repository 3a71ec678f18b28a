import type { AgentRow } from '../../api/agents.ts';
import type { FleetStatus } from '../../api/fleets.ts';
import type { StatusDocument } from '../../api/status.ts';
import { formatSize } from '../../specification/units.ts';
import { formatCount, formatElapsed } from '../format.ts';
import { oneLine } from '../plain.ts';
import type { Paint } from '../style.ts';
import { type Column, formatTable } from '../table.ts';
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
const KEYS = 'q quit  s sort  f fleet  ↑↓ PgUp PgDn move';
/** The maximum number of fleets shown; agents need room too. */
const FLEETS_MAX = 6;

/** Draws the screen: exactly `rows` lines, none wider than `columns`. */
export function drawTop(state: TopState, size: Size, paint: Paint): string[] {
  const { columns, rows } = size;
  const above = upperPart(state, size, paint);
  const room = Math.max(1, rows - above.length - 2);
  const sorted = sortAgents(state.agents, state.sort).slice(state.scroll, state.scroll + room);
  const table = formatTable(AGENT_COLUMNS(state.nowMs), sorted, { paint, widthMax: columns }).split('\n');
  const lines = [...above, ...table];
  while (lines.length < rows - 1) lines.push('');
  return [...lines.slice(0, rows - 1), paint('dim', cut(foot(state, room), columns))];
}

/** Everything above the agents. */
function upperPart(state: TopState, { columns, rows }: Size, paint: Paint): string[] {
  const fleets = state.status.fleets.slice(0, FLEETS_MAX);
  const more = state.status.fleets.length - fleets.length;
  return [
    ...head(state, columns),
    '',
    ...formatTable(FLEET_COLUMNS(state), fleets, { paint, widthMax: columns }).split('\n'),
    ...(more > 0 ? [`and ${more} more ${more === 1 ? 'fleet' : 'fleets'}`] : []),
    ...fleets.flatMap((fleet) => remarks(fleet).map((line) => paint('yellow', cut(line, columns)))),
    '',
  ].slice(0, Math.max(0, rows - 3));
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
  ].map((line) => cut(line, columns));
}

/** States of a rollout that is over, and so is not shown. */
const OVER: ReadonlySet<string> = new Set(['done', 'rolled-back']);

function bar(share: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width);
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}]`;
}

function remarks({ name, held, pressure, verify, leak, rollout }: FleetStatus): string[] {
  return [
    ...(held ? [`${name} is held: ${held.reason}`] : []),
    ...(pressure ? [`${name} starts no agents: ${pressure.reason}`] : []),
    ...(verify?.reason ? [`${name}: ${verify.reason}`] : []),
    ...(leak.verdict === 'none'
      ? []
      : [`${name}: ${leak.verdict}, ${formatSize(Math.round(leak.bytesPerHour))} per hour`]),
    ...(rollout && !OVER.has(rollout.state)
      ? [
          `${name}: rollout of ${rollout.to} ${rollout.state}, ${rollout.updated} of ${rollout.total} updated, ${rollout.failed} failed`,
        ]
      : []),
  ].map(oneLine);
}

function foot({ agents, scroll, sort, fleet }: TopState, room: number): string {
  const last = Math.min(agents.length, scroll + room);
  const shown = agents.length === 0 ? 'no agents' : `${scroll + 1}–${last} of ${formatCount(agents.length)}`;
  return `${fleet ?? 'no fleet'}: ${shown}, by ${sort}   ${KEYS}`;
}

const cut = (text: string, width: number): string => [...text].slice(0, width).join('');

const bytes = (value: number | null): string => (value === null ? '-' : formatSize(value));

const FLEET_COLUMNS = ({ trends, fleet }: TopState): Column<FleetStatus>[] => [
  { title: 'FLEET', cell: ({ name }) => `${name === fleet ? '>' : ' '}${name}` },
  { title: 'TARGET', align: 'right', cell: ({ target }) => formatCount(target) },
  {
    title: 'READY',
    align: 'right',
    cell: ({ ready }) => formatCount(ready),
    colour: ({ ready, target }) => (ready < target ? 'yellow' : null),
  },
  { title: 'START', align: 'right', cell: ({ starting }) => formatCount(starting) },
  { title: 'STOP', align: 'right', cell: ({ stopping }) => formatCount(stopping) },
  {
    title: 'DOWN',
    align: 'right',
    cell: ({ backoff, failed }) => formatCount(backoff + failed),
    colour: ({ backoff, failed }) => (backoff + failed > 0 ? 'red' : null),
  },
  { title: 'RSS', align: 'right', cell: ({ rssBytes }) => bytes(rssBytes) },
  { title: 'PSS', align: 'right', cell: ({ pssBytes }) => bytes(pssBytes) },
  { title: 'TREND', cell: ({ name }) => sparkline(trends.get(name) ?? [], TREND_WIDTH) },
];

const AGENT_COLUMNS = (nowMs: number): Column<AgentRow>[] => [
  { title: 'SLOT', align: 'right', cell: ({ slot }) => String(slot) },
  {
    title: 'STATE',
    cell: ({ state }) => state,
    colour: ({ state }) => (state === 'ready' ? null : state === 'failed' ? 'red' : 'yellow'),
  },
  { title: 'PID', align: 'right', cell: ({ pid }) => String(pid ?? '-') },
  { title: 'PORT', align: 'right', cell: ({ port }) => String(port ?? '-') },
  { title: 'RESTARTS', align: 'right', cell: ({ restarts }) => String(restarts) },
  {
    title: 'UP',
    align: 'right',
    cell: ({ startedAt }) => (startedAt === null ? '-' : formatElapsed(nowMs - Date.parse(startedAt))),
  },
  { title: 'RSS', align: 'right', cell: ({ rssBytes }) => bytes(rssBytes) },
  { title: 'LAST EXIT', cell: ({ lastExit }) => lastExit?.reason ?? '-' },
];
