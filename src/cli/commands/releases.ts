import type { ReleaseRow } from '../../api/rollout.ts';
import type { Context } from '../context.ts';
import { chooseFleet, chosenFleets } from '../fleet.ts';
import { formatCount, formatTime } from '../format.ts';
import { print, printJson } from '../output.ts';
import { paintFor } from '../style.ts';
import { type Column, formatTable } from '../table.ts';

/** fleetctl releases: lists the releases kept, and how many agents run each. */
export async function run(context: Context): Promise<number> {
  const names = await chosenFleets(context);
  if (names === null) {
    const fleet = await chooseFleet(context);
    const document = await context.client.call('releases', { fleet });
    if (context.json) printJson(document);
    else print(table(COLUMNS, document.releases));
    return 0;
  }
  const rows: (ReleaseRow & { fleet: string })[] = [];
  for (const fleet of names) {
    const { releases } = await context.client.call('releases', { fleet });
    rows.push(...releases.map((row) => ({ fleet, ...row })));
  }
  if (context.json) printJson({ releases: rows });
  else print(table([{ title: 'FLEET', cell: ({ fleet }) => fleet }, ...COLUMNS], rows));
  return 0;
}

function table<Row>(columns: Column<Row>[], rows: Row[]): string {
  return formatTable(columns, rows, { paint: paintFor(process.stdout), widthMax: process.stdout.columns });
}

const COLUMNS: Column<ReleaseRow>[] = [
  { title: 'RELEASE', cell: ({ release }) => release },
  { title: 'AGENTS', align: 'right', cell: ({ agents }) => formatCount(agents) },
  { title: 'CREATED', cell: ({ createdAt }) => formatTime(createdAt) },
  { title: 'NEWEST', cell: ({ current }) => (current ? 'yes' : '') },
  { title: 'LABEL', cell: ({ label }) => label ?? '' },
];
