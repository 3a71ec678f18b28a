import { setTimeout as sleep } from 'node:timers/promises';
import type { Stray, StrayResult, StraysAnswer, StraysRequest } from '../../api/strays.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import { formatSize } from '../../specification/units.ts';
import type { Context } from '../context.ts';
import { chosenFleets, refuseForSeveral } from '../fleet.ts';
import { formatCount, formatElapsed } from '../format.ts';
import { wholeNumber } from '../numbers.ts';
import { print, printJson, printMessage } from '../output.ts';
import { oneLine } from '../plain.ts';
import { forEachFleet } from '../several.ts';
import { paintFor } from '../style.ts';
import type { Column } from '../table.ts';
import { formatTable } from '../table.ts';
import type { Done } from '../watch.ts';

const POLL_MS = 100;

/** fleetctl strays: lists processes that look like agents but belong to no slot; adopts or kills them on request. */
export async function run(context: Context): Promise<number> {
  const action = actionOf(context);
  return action === null ? list(context) : act(context, action);
}

function actionOf({ args, options: { adopt, kill } }: Context): StraysRequest['action'] | null {
  if (adopt && kill) throw FleetError.of('USAGE.exclusive', { one: '--adopt', other: '--kill' });
  if (args.length > 0 && !adopt && !kill) {
    throw new FleetError('USAGE', 'strays takes PIDs only with --adopt or --kill');
  }
  if (adopt) return 'adopt';
  return kill ? 'kill' : null;
}

async function list(context: Context): Promise<number> {
  const { client, fleet, json } = context;
  const chosen = await chosenFleets(context);
  const { strays: all, unanswered } = await client.call('strays', { fleet });
  const strays = all.filter((stray) => chosen === null || chosen.includes(stray.fleet));
  if (unanswered > 0)
    printMessage(`note: ${formatCount(unanswered)} processes that could be strays could not be examined`);
  if (json) printJson({ strays, unanswered });
  else if (strays.length === 0) printMessage('No strays.');
  else print(strayLists(strays));
  return 0;
}

async function act(context: Context, action: StraysRequest['action']): Promise<number> {
  const pids = context.args.map((text) => wholeNumber(text, 'PID', 1));
  const body: StraysRequest = { action, ...(pids.length > 0 && { pids }) };
  refuseForSeveral(context, { PID: body.pids });
  return forEachFleet(context, (fleet) => actOn(context, fleet, body));
}

async function actOn(context: Context, fleet: string, body: StraysRequest): Promise<Done> {
  const { action } = body;
  const answer = await context.client.call('actOnStrays', { fleet }, body);
  for (const note of answer.notes) printMessage(`note: ${note}`);
  const strays = action === 'kill' ? await untilEnded(answer) : answer.strays;
  const { target, targetBefore } = answer;
  if (!context.json) printResults(action, { ...answer, strays });
  const exitCode = strays.some(({ result }) => result === 'failed') ? 1 : 0;
  return { exitCode, document: { fleet, target, targetBefore, strays } };
}

/** Waits while the supervisor stops the strays, and returns each with its result. */
async function untilEnded({ strays, withinMs }: StraysAnswer): Promise<StraysAnswer['strays']> {
  // Loaded only here, because it loads the FFI.
  const { isStill } = await import('../../host/proc/stat.ts');
  const deadline = performance.now() + withinMs;
  const isLeft = (stray: Stray & StrayResult) => stray.result === 'stopping' && isStill(stray);
  while (strays.some(isLeft) && performance.now() < deadline) await sleep(POLL_MS);
  return strays.map((stray) => {
    if (stray.result !== 'stopping') return stray;
    if (!isStill(stray)) return { ...stray, result: 'ended' };
    return { ...stray, result: 'failed', reason: 'it still runs; fleetctl events may show why' };
  });
}

function printResults(
  action: StraysRequest['action'],
  { fleet, target, targetBefore, strays }: StraysAnswer,
): void {
  if (strays.length === 0) printMessage('No strays.');
  for (const stray of strays) {
    if (stray.result === 'adopted') printMessage(`pid ${stray.pid} is slot ${stray.slot} of ${fleet}`);
    if (stray.result === 'gone')
      printMessage(`pid ${stray.pid} has ended or changed since; nothing was done`);
    if (stray.result === 'failed') printMessage(`pid ${stray.pid}: ${stray.reason}`);
  }
  const done = strays.filter(({ result }) => result === 'adopted' || result === 'ended').length;
  if (done === 0) return;
  const grown = target === targetBefore ? `target still ${target}` : `target ${targetBefore} → ${target}`;
  printMessage(
    action === 'adopt'
      ? `${formatCount(done)} adopted into ${fleet}; ${grown}`
      : `${formatCount(done)} ended`,
  );
}

/** Strays grouped by fleet and by origin, which many of them usually share. */
function strayLists(strays: readonly Stray[]): string {
  const groups = Map.groupBy(strays, (stray) => `${stray.fleet}\0${originOf(stray).join('\n')}`);
  return [...groups.values()].map(strayList).join('\n\n');
}

function strayList(strays: Stray[]): string {
  const [first] = strays;
  const head = `${first!.fleet}: ${formatCount(strays.length)} ${strays.length === 1 ? 'stray' : 'strays'}`;
  const table = formatTable(COLUMNS, strays, {
    paint: paintFor(process.stdout),
    widthMax: process.stdout.columns,
  });
  const refused = strays.flatMap(({ pid, refused: why }) =>
    why === null ? [] : [`  pid ${pid} cannot be adopted: ${oneLine(why)}`],
  );
  return [head, ...originOf(first!).map((line) => `  ${oneLine(line)}`), table, ...refused].join('\n');
}

/** Where a stray comes from: its ancestors, and its systemd unit or cgroup. */
function originOf({ parents, cgroup, unit }: Stray): string[] {
  const chain = parents.map(({ pid, name }) => `${name} ${pid}`).join(' < ');
  const place = unit === null ? cgroup : `${unit} (${cgroup})`;
  return [`started by ${chain || 'a process that has ended'}`, ...(place === null ? [] : [`in ${place}`])];
}

const COLUMNS: Column<Stray>[] = [
  { title: 'PID', align: 'right', cell: ({ pid }) => String(pid) },
  { title: 'UID', align: 'right', cell: ({ uid }) => String(uid) },
  { title: 'UP', align: 'right', cell: ({ startedAt }) => formatElapsed(Date.now() - Date.parse(startedAt)) },
  { title: 'RSS', align: 'right', cell: ({ rssBytes }) => (rssBytes === null ? '-' : formatSize(rssBytes)) },
  {
    title: 'PORTS',
    cell: ({ ports }) => ports.map(({ protocol, port }) => `${protocol} ${port}`).join(', ') || '-',
  },
  { title: 'SLOT', align: 'right', cell: ({ slot }) => String(slot ?? '-') },
  { title: 'COMMAND', cell: ({ command }) => command },
];
