import { conditionOf, isUnderWay } from '../api/condition.ts';
import type { FleetStatus } from '../api/fleets.ts';
import { formatSize } from '../specification/units.ts';
import { describeOthers, worstFirst } from '../supervisor/worst.ts';
import { formatCount, formatTime } from './format.ts';
import { oneLine, withoutControls } from './plain.ts';
import { reasonsOf } from './reasons.ts';
import type { Colour, Paint } from './style.ts';
import { type Column, formatTable } from './table.ts';

/** The maximum number of fleets that are shown with all details: several lines each. */
const DETAILED_MAX = 5;

/** Where the fleets are shown. */
export interface Place {
  paint: Paint;
  /** The width of the terminal; absent: unlimited. */
  widthMax?: number | undefined;
  /** The number of fleets for which there is room. */
  room: number;
}

/** The fleets: a few with all details, more in a line each, and of too many the worst, with the others counted. */
export function describeFleets(fleets: readonly FleetStatus[], { paint, widthMax, room }: Place): string {
  if (fleets.length === 0) return 'No fleets yet. fleetctl init writes a spec, fleetctl spawn starts it.';
  const { shown, others } = worstFirst(fleets, room, conditionOf);
  if (others.length === 0 && shown.length <= DETAILED_MAX)
    return [
      formatTable(columnsFor(shown), shown, { paint, widthMax }),
      ...shown.flatMap((fleet) => detailsOf(fleet, paint)),
    ].join('\n');
  const hasReasons = shown.some((fleet) => reasonsOf(fleet).length > 0);
  const columns = hasReasons ? [...columnsFor(shown), WHY] : columnsFor(shown);
  return [
    ...(shown.length > 0 ? [formatTable(columns, shown, { paint, widthMax })] : []),
    ...(others.length > 0
      ? [`${describeOthers(others.map(conditionOf), shown.length)} (--all shows each)`]
      : []),
  ].join('\n');
}

/** The columns of these fleets: agents that have completed have one if there are any. */
function columnsFor(fleets: readonly FleetStatus[]): Column<FleetStatus>[] {
  if (fleets.every(({ completed }) => completed === 0)) return COLUMNS;
  const after = COLUMNS.findIndex(({ title }) => title === 'FAILED') + 1;
  return COLUMNS.toSpliced(after, 0, countColumn('COMPLETED', 'completed', null, 2));
}

/** The release that most of a fleet's agents run, how many others run, and the newest where it is another one. */
export function releaseText({ release: newest, releases }: FleetStatus): string {
  const [most, ...others] = releases;
  if (!most) return '-';
  const more = others.length > 0 ? ` +${others.length}` : '';
  if (most.release !== newest) return `${most.release}${more} (newest: ${newest})`;
  return others.length > 0 ? `${most.release} (newest)${more}` : most.release;
}

/** Details of a fleet that do not fit its line in the table. */
function detailsOf(fleet: FleetStatus, paint: Paint): string[] {
  const { name, pressure, verify, leak } = fleet;
  const warnings = [
    ...(pressure ? [`${name} starts no agents: ${pressure.reason}`] : []),
    ...(verify?.reason ? [`${name}: ${verify.reason}`] : []),
    ...(leak.verdict === 'none' ? [] : [`${name}: ${leak.words}`]),
  ];
  return [
    ...memoryLines(fleet),
    ...rolloutLines(fleet),
    ...reloadLines(fleet),
    ...paceLines(fleet),
    ...warnings.flatMap((text) => ['', paint('yellow', oneLine(text))]),
    ...heldLines(fleet, paint),
  ];
}

/** The memory of the fleet's agents, per release where there are several. */
function memoryLines({ name, memory: { rss, pssMeanBytes, cohorts, top } }: FleetStatus): string[] {
  if (!rss) return [];
  const size = (bytes: number) => formatSize(Math.round(bytes));
  const pss = pssMeanBytes === null ? '' : `, PSS ${size(pssMeanBytes)}`;
  const quantiles = `median ${size(rss.p50)}, 90 % ${size(rss.p90)}, 99 % ${size(rss.p99)}`;
  const heaviest = top.map(({ slot, rssBytes }) => `slot ${slot} ${size(rssBytes)}`).join(', ');
  const releases = cohorts.map(
    ({ release, agents, rss: own }) =>
      `  ${release}: ${formatCount(agents)} agents, RSS ${own ? size(own.mean) : '-'}`,
  );
  return [
    '',
    `${name}: RSS ${size(rss.mean)}${pss} per agent; ${quantiles}`,
    `  largest: ${heaviest}`,
    ...(releases.length > 1 ? releases : []),
  ];
}

/** The rollout, unless it is over. */
function rolloutLines({ name, rollout }: FleetStatus): string[] {
  if (!rollout || !isUnderWay(rollout)) return [];
  const { state, from, to, updated, total, failed, reason } = rollout;
  const why = reason === null ? '' : `: ${oneLine(reason)}`;
  const agents = `${formatCount(updated)} of ${formatCount(total)} on ${to}, ${formatCount(failed)} failed`;
  return [
    '',
    `${name}: rollout from ${from} ${state}${why}`,
    `  ${agents}; fleetctl rollout status shows details`,
  ];
}

/** The reload, while it is under way. */
function reloadLines({ name, reload }: FleetStatus): string[] {
  // A supervisor of 0.1 has none.
  if (!reload) return [];
  return ['', `${name}: reloading, ${formatCount(reload.done)} of ${formatCount(reload.of)} done`];
}

/** How many agents may be starting, and why, while some are not ready. */
function paceLines({ name, pace, target, ready, completed }: FleetStatus): string[] {
  if (!pace || ready + completed >= target) return [];
  return ['', `${name}: at most ${formatCount(pace.limit)} agents may be starting: ${oneLine(pace.reason)}`];
}

function heldLines({ name, held }: FleetStatus, paint: Paint): string[] {
  if (held === null) return [];
  const since = formatTime(held.since);
  const sample = held.sample === null ? [] : withoutControls(held.sample).trimEnd().split('\n');
  return [
    '',
    paint('yellow', `${name} has been held since ${since}: ${oneLine(held.reason)}`),
    ...sample.map((line) => `  | ${line}`),
    `  fleetctl resume --fleet ${name} ends the hold.`,
  ];
}

const bytesOrDash = (bytes: number | null): string => (bytes === null ? '-' : formatSize(bytes));

function countColumn(
  title: string,
  key: 'starting' | 'stopping' | 'backoff' | 'failed' | 'completed',
  colour: Colour | null,
  spare?: number,
): Column<FleetStatus> {
  return {
    title,
    align: 'right',
    cell: (fleet) => formatCount(fleet[key]),
    colour: (fleet) => (fleet[key] > 0 ? colour : null),
    ...(spare !== undefined && { spare }),
  };
}

const COLUMNS: Column<FleetStatus>[] = [
  { title: 'FLEET', cell: ({ name }) => name, widthMin: 16 },
  { title: 'TARGET', align: 'right', cell: ({ target }) => formatCount(target) },
  { title: 'RUNNING', align: 'right', cell: ({ running }) => formatCount(running), spare: 3 },
  {
    title: 'READY',
    align: 'right',
    cell: ({ ready }) => formatCount(ready),
    colour: ({ ready, completed, target }) => (ready + completed < target ? 'yellow' : null),
  },
  countColumn('STARTING', 'starting', null, 4),
  countColumn('STOPPING', 'stopping', null, 5),
  countColumn('BACKOFF', 'backoff', 'yellow'),
  countColumn('FAILED', 'failed', 'red'),
  { title: 'RSS', align: 'right', cell: ({ rssBytes }) => bytesOrDash(rssBytes), spare: 2 },
  { title: 'PSS', align: 'right', cell: ({ pssBytes }) => bytesOrDash(pssBytes), spare: 6 },
  { title: 'RELEASE', cell: releaseText, widthMin: 7, spare: 1 },
];

/** The most important reason; the others, and its details, are shown for a fleet alone. */
const WHY: Column<FleetStatus> = {
  title: 'WHY',
  cell: (fleet) => reasonsOf(fleet)[0] ?? '',
  colour: () => 'yellow',
  widthMin: 24,
};
