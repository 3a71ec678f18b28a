import { resolve } from 'node:path';
import type { FleetPreview } from '../../api/apply.ts';
import type { RollingUpdateRequest } from '../../api/rollout.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import type { Share } from '../../specification/spec.ts';
import { parseShare } from '../../specification/units.ts';
import type { Context, Options } from '../context.ts';
import { chooseFleet, chosenFleets, refuseForSeveral } from '../fleet.ts';
import { durationMs, wholeNumber } from '../numbers.ts';
import { errorStream } from '../output.ts';
import { reportPreview } from '../preview.ts';
import { rolloutProgress } from '../rollout-view.ts';
import { forEachFleet } from '../several.ts';
import { checked } from '../spec-check.ts';
import { oneOf, sourcesFrom } from '../spec-source.ts';
import { follow } from '../watch.ts';

/** fleetctl rolling-update: replaces the agents batch by batch with a new release, and waits until that is done. */
export async function run(context: Context): Promise<number> {
  const { client, options, fleet, json } = context;
  const { file, binary, label } = options;
  refuseForSeveral(context, { '-f': file });
  const source = file === undefined ? null : oneOf(await sourcesFrom(file), fleet, 'rolling-update');
  const spec = source && (await checked(source));
  const body: RollingUpdateRequest = {
    ...(source && { spec: source.document, baseDir: source.baseDir }),
    ...(binary !== undefined && { binary: resolve(binary) }),
    ...(label !== undefined && { label }),
    options: rolloutOptions(options),
  };
  const named = { ...context, fleet: spec?.name ?? fleet };
  if (options.dryRun) return dryRun(named, body);
  // What is worse in one fleet is not rolled out to the next.
  return forEachFleet(
    named,
    (name) =>
      follow(
        context,
        () => client.call('rollingUpdate', { fleet: name }, body),
        () => rolloutProgress(errorStream(), json),
      ),
    { isCareful: true },
  );
}

/** Shows what a rolling update would do. */
async function dryRun(context: Context, body: RollingUpdateRequest): Promise<number> {
  const names = (await chosenFleets(context)) ?? [await chooseFleet(context)];
  const fleets: FleetPreview[] = [];
  for (const fleet of names) fleets.push(...(await context.client.call('dryUpdate', { fleet }, body)).fleets);
  return reportPreview({ fleets }, context.json);
}

/** The options of the command line that replace those of the spec's `update`. */
function rolloutOptions({
  batch,
  wait,
  canary,
  maxFailed,
  rollback,
}: Options): RollingUpdateRequest['options'] & {} {
  return {
    ...(batch !== undefined && { batch: share(batch, '--batch', 1) }),
    ...(wait !== undefined && { waitMs: durationMs(wait, '--wait') }),
    ...(canary !== undefined && { canary: wholeNumber(canary, '--canary') }),
    ...(maxFailed !== undefined && { maxFailed: share(maxFailed, '--max-failed', 0) }),
    ...(rollback === false && { rollback }),
  };
}

function share(text: string, what: string, min: number): Share {
  const found = parseShare(text);
  const isEnough = found !== null && ('count' in found ? found.count >= min : found.percent > 0 || min === 0);
  if (isEnough) return found;
  const from = min === 0 ? '' : ' above 0';
  throw FleetError.of('USAGE.value', {
    what,
    expected: `a number${from} or a share such as 10%`,
    found: text,
  });
}
