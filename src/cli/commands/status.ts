import type { StatusDocument } from '../../api/status.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import { formatSize } from '../../specification/units.ts';
import type { MaintenanceState } from '../../supervisor/maintenance.ts';
import type { Context } from '../context.ts';
import { chooserOf } from '../fleet.ts';
import { formatCount, formatElapsed, formatTime } from '../format.ts';
import { print, printJson } from '../output.ts';
import { describeFleets } from '../status-view.ts';
import { paintFor } from '../style.ts';

/** The number of fleets that are shown one by one where there is no terminal whose height would say. */
const FLEETS_MAX = 20;
/** The lines of a terminal that are not for fleets: the head, the titles, the line about the others, and the prompt. */
const OTHER_LINES = 7;
/** The number of fleets that are shown even on a terminal of a few lines. */
const FLEETS_MIN = 5;

/** fleetctl status: shows the fleets at a glance. */
export async function run(context: Context): Promise<number> {
  const { client, fleet, json, options } = context;
  const isChosen = await chooserOf(context);
  const document = await client.call('status');
  const shown = document.fleets.filter(isChosen);
  if (fleet !== null && shown.length === 0) throw FleetError.of('UNKNOWN.fleet', { fleet });
  const chosen = { ...document, fleets: shown };
  if (json) printJson(options.full ? chosen : stablePart(chosen));
  else {
    const { columns: widthMax } = process.stdout;
    const room = options.all ? Number.POSITIVE_INFINITY : roomForFleets();
    const place = { paint: paintFor(process.stdout), widthMax, room };
    print([head(document), '', describeFleets(shown, place)].join('\n'));
  }
  return 0;
}

/** A serial console reports 0 rows for an unknown height. */
function roomForFleets(): number {
  const { rows } = process.stdout;
  return rows ? Math.max(FLEETS_MIN, rows - OTHER_LINES) : FLEETS_MAX;
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
        reload: _reload,
        releases: _releases,
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

function untilWhen({ until }: MaintenanceState): string {
  return until === null ? 'until fleetctl maintenance off' : `until ${formatTime(until)}`;
}
