import type { FleetStatus } from '../../api/fleets.ts';
import type { StatusDocument } from '../../api/status.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import { formatSize } from '../../specification/units.ts';
import type { MaintenanceState } from '../../supervisor/maintenance.ts';
import type { Context } from '../context.ts';
import { chooserOf } from '../fleet.ts';
import { formatCount, formatElapsed, formatTime } from '../format.ts';
import { print, printJson } from '../output.ts';
import { oneLine, withoutControls } from '../plain.ts';
import type { Colour } from '../style.ts';
import { paintFor } from '../style.ts';
import type { Column } from '../table.ts';
import { formatTable } from '../table.ts';

/** fleetctl status: shows the fleets at a glance. */
export async function run(context: Context): Promise<number> {
  const { client, fleet, json, options } = context;
  const isChosen = await chooserOf(context);
  const document = await client.call('status');
  const shown = document.fleets.filter(isChosen);
  if (fleet !== null && shown.length === 0) throw FleetError.of('UNKNOWN.fleet', { fleet });
  const chosen = { ...document, fleets: shown };
  if (json) printJson(options.full ? chosen : stablePart(chosen));
  else print([head(document), '', body(shown), ...shown.flatMap(remarks)].join('\n'));
  return 0;
}

/** The keys that scripts can rely on; all others may change between versions. */
function stablePart({ supervisor, host, fleets }: StatusDocument): object {
  return {
    supervisor,
    host,
    fleets: fleets.map(
      ({
        memory: _memory,
        pressure: _pressure,
        verify: _verify,
        pace: _pace,
        labels: _labels,
        leak,
        ...fleet
      }) => {
        const { words: _words, ...judged } = leak;
        return { ...fleet, leak: judged };
      },
    ),
  };
}

function head({ supervisor, host, maintenance }: StatusDocument): string {
  const { pid, version, uptimeSeconds, rssBytes } = supervisor;
  const memory = `${formatSize(host.memoryAvailableBytes)} of ${formatSize(host.memoryTotalBytes)} memory available`;
  const pressure = host.memoryPressure === null ? [] : [`memory pressure ${host.memoryPressure} %`];
  const room = host.agentsMax === null ? [] : [`room for ${formatCount(host.agentsMax)} agents`];
  return [
    `supervisor  pid ${pid}, version ${version}, up ${formatElapsed(1000 * uptimeSeconds)}, ${formatSize(rssBytes)}`,
    `host        ${[memory, ...pressure, ...room].join(', ')}`,
    ...(maintenance ? [`alarms      silenced ${untilWhen(maintenance)}`] : []),
  ].join('\n');
}

function body(fleets: FleetStatus[]): string {
  if (fleets.length === 0) return 'No fleets yet. fleetctl init writes a spec, fleetctl spawn starts it.';
  return formatTable(COLUMNS, fleets, { paint: paintFor(process.stdout), widthMax: process.stdout.columns });
}

function untilWhen({ until }: MaintenanceState): string {
  return until === null ? 'until fleetctl maintenance off' : `until ${formatTime(until)}`;
}

/** Details of a fleet that do not fit its line in the table. */
function remarks(fleet: FleetStatus): string[] {
  const { name, pressure, verify, leak } = fleet;
  const warnings = [
    ...(pressure ? [`${name} starts no agents: ${pressure.reason}`] : []),
    ...(verify?.reason ? [`${name}: ${verify.reason}`] : []),
    ...(leak.verdict === 'none' ? [] : [`${name}: ${leak.words}`]),
  ];
  const paint = paintFor(process.stdout);
  return [
    ...memoryLines(fleet),
    ...rolloutLines(fleet),
    ...paceLines(fleet),
    ...warnings.flatMap((text) => ['', paint('yellow', oneLine(text))]),
    ...heldLines(fleet),
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
  if (!rollout || rollout.state === 'done' || rollout.state === 'rolled-back') return [];
  const { state, from, to, updated, total, failed, reason } = rollout;
  const why = reason === null ? '' : `: ${oneLine(reason)}`;
  const agents = `${formatCount(updated)} of ${formatCount(total)} on ${to}, ${formatCount(failed)} failed`;
  return [
    '',
    `${name}: rollout from ${from} ${state}${why}`,
    `  ${agents}; fleetctl rollout status shows details`,
  ];
}

/** How many agents may be starting, and why, while some are not ready. */
function paceLines({ name, pace, target, ready }: FleetStatus): string[] {
  if (!pace || ready >= target) return [];
  return ['', `${name}: at most ${formatCount(pace.limit)} agents may be starting: ${oneLine(pace.reason)}`];
}

function heldLines({ name, held }: FleetStatus): string[] {
  if (held === null) return [];
  const paint = paintFor(process.stdout);
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
  key: 'starting' | 'stopping' | 'backoff' | 'failed',
  colour: Colour | null,
): Column<FleetStatus> {
  return {
    title,
    align: 'right',
    cell: (fleet) => formatCount(fleet[key]),
    colour: (fleet) => (fleet[key] > 0 ? colour : null),
  };
}

const COLUMNS: Column<FleetStatus>[] = [
  { title: 'FLEET', cell: ({ name }) => name },
  { title: 'TARGET', align: 'right', cell: ({ target }) => formatCount(target) },
  { title: 'RUNNING', align: 'right', cell: ({ running }) => formatCount(running) },
  {
    title: 'READY',
    align: 'right',
    cell: ({ ready }) => formatCount(ready),
    colour: ({ ready, target }) => (ready < target ? 'yellow' : null),
  },
  countColumn('STARTING', 'starting', null),
  countColumn('STOPPING', 'stopping', null),
  countColumn('BACKOFF', 'backoff', 'yellow'),
  countColumn('FAILED', 'failed', 'red'),
  { title: 'RSS', align: 'right', cell: ({ rssBytes }) => bytesOrDash(rssBytes) },
  { title: 'PSS', align: 'right', cell: ({ pssBytes }) => bytesOrDash(pssBytes) },
  { title: 'RELEASE', cell: ({ release }) => release ?? '-' },
];
