import type { Context } from './context.ts';
import { chooseFleet, chosenFleets } from './fleet.ts';
import { documentOf, printError, printJson, printMessage } from './output.ts';
import { type Done, INTERRUPTED_EXIT_CODE, timeoutOf } from './watch.ts';

/** Exit codes, the one that matters most first, as for several hosts. */
const WORST_FIRST = [3, 5, 4, 1, 2] as const;
const AWAY_EXIT_CODE = 3;

/**
 * Runs a command for its fleet, or for each of the chosen ones, in the order of their names.
 * @param work does it for one, and reports it, unless as JSON
 * @param isCareful whether it stops at the first fleet that fails
 * @returns the exit code; of several fleets, the worst
 */
export async function forEachFleet(
  context: Context,
  work: (fleet: string) => Promise<Done>,
  { isCareful = false }: { isCareful?: boolean } = {},
): Promise<number> {
  timeoutOf(context);
  const names = await chosenFleets(context);
  if (names === null) {
    const { exitCode, document } = await work(await chooseFleet(context));
    if (context.json) printJson(document);
    return exitCode;
  }
  const results: object[] = [];
  const exitCodes: number[] = [];
  for (const [i, fleet] of names.entries()) {
    if (!context.json) printMessage(`${fleet} (${i + 1} of ${names.length})`);
    const { exitCode, document } = await attempt(context, fleet, work);
    results.push({ fleet, ...document });
    exitCodes.push(exitCode);
    const isOver = exitCode === AWAY_EXIT_CODE || exitCode === INTERRUPTED_EXIT_CODE;
    const left = names.slice(i + 1);
    if (left.length === 0 || !(isOver || (isCareful && exitCode !== 0))) continue;
    if (!context.json) printMessage(`Not begun: ${left.join(', ')}`);
    break;
  }
  if (context.json) printJson({ fleets: results });
  return worst(exitCodes);
}

/** The exit code that says most about several. */
export function worst(exitCodes: readonly number[]): number {
  if (exitCodes.includes(INTERRUPTED_EXIT_CODE)) return INTERRUPTED_EXIT_CODE;
  return WORST_FIRST.find((code) => exitCodes.includes(code)) ?? 0;
}

/** A refusal of one fleet is reported, and the others follow. */
async function attempt(
  { json }: Context,
  fleet: string,
  work: (fleet: string) => Promise<Done>,
): Promise<Done> {
  try {
    return await work(fleet);
  } catch (cause) {
    const error = documentOf(cause);
    if (!json) printError(error);
    return { exitCode: error.exitCode, document: { exitCode: error.exitCode, error } };
  }
}
