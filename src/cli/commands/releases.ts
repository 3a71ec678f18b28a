import type { ReleaseRow } from '../../api/rollout.ts';
import type { Context } from '../context.ts';
import { chooseFleet } from '../fleet.ts';
import { formatCount, formatTime } from '../format.ts';
import { print, printJson } from '../output.ts';
import { paintFor } from '../style.ts';
import { type Column, formatTable } from '../table.ts';

/** fleetctl releases: lists the releases kept, and how many agents run each. */
export async function run(context: Context): Promise<number> {
  const fleet = await chooseFleet(context);
  const document = await context.client.call('releases', { fleet });
  if (context.json) printJson(document);
  else
    print(
      formatTable(COLUMNS, document.releases, {
        paint: paintFor(process.stdout),
        widthMax: process.stdout.columns,
      }),
    );
  return 0;
}

const COLUMNS: Column<ReleaseRow>[] = [
  { title: 'RELEASE', cell: ({ release }) => release },
  { title: 'AGENTS', align: 'right', cell: ({ agents }) => formatCount(agents) },
  { title: 'CREATED', cell: ({ createdAt }) => formatTime(createdAt) },
  { title: 'NEWEST', cell: ({ current }) => (current ? 'yes' : '') },
  { title: 'LABEL', cell: ({ label }) => label ?? '' },
];
