import type { ApplyRequest } from '../../api/apply.ts';
import type { SpawnRequest } from '../../api/commands.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import { SPEC_FLAGS, specFromFlags } from '../../specification/flags.ts';
import { AGENTS_MAX } from '../../specification/slots.ts';
import type { Context, Options } from '../context.ts';
import { fleetNames, onlyFleet } from '../fleet.ts';
import { wholeNumber } from '../numbers.ts';
import { printJson, printMessage } from '../output.ts';
import { type Checked, checked, checkedAll } from '../spec-check.ts';
import {
  LOCAL_FILE,
  localSource,
  oneOf,
  type Source,
  sourceFromDocument,
  sourcesFrom,
} from '../spec-source.ts';
import { autostart, isFresh, knownFleets, submitting } from '../supervisor.ts';
import { type Done, follow, timeoutOf } from '../watch.ts';

/** fleetctl spawn: sets the target of a fleet, new or known, and waits until it is ready; or of several fleets. */
export async function run(context: Context): Promise<number> {
  const { args, client, json, options } = context;
  const target = args[0] === undefined ? undefined : wholeNumber(args[0], 'TARGET', 0, AGENTS_MAX);
  timeoutOf(context);
  const sources = await sourcesFor(context);
  if (options.dryRun) return dryRun(context, sources, target);
  const done =
    sources.length > 1
      ? await spawnSeveral(context, sources, target)
      : await follow(context, async () => {
          const { name, source } = await settle(context, sources[0] ?? null, target);
          const body: SpawnRequest = {
            ...(target !== undefined && { target }),
            ...(source && { spec: source.document, baseDir: source.baseDir }),
            ...(options.force && { force: true }),
          };
          return submitting(context, () => client.call('spawn', { fleet: name }, body));
        });
  if (json) printJson(done.document);
  return done.exitCode;
}

/** Registers or updates several fleets: all of them, or none. */
async function spawnSeveral(
  context: Context,
  sources: readonly Source[],
  target: number | undefined,
): Promise<Done> {
  const specs = await checkedSeveral(sources, target);
  const { client, options } = context;
  if ((await knownFleets(context)) === null && isFresh(context.directories.stateDir)) {
    for (const { spec } of specs) if (spec.target === null) throw targetMissing(spec.name);
  }
  const fleets = sources.map(({ document, baseDir }) => ({ spec: document, baseDir }));
  const body: ApplyRequest = { fleets, ...(options.force && { force: true }) };
  const accepted = await submitting(context, () => client.call('apply', {}, body));
  const { followAll } = await import('../watch-all.ts');
  return followAll(context, accepted.fleets);
}

/** Shows what a spawn would do. No supervisor is started for that. */
async function dryRun(
  context: Context,
  sources: readonly Source[],
  target: number | undefined,
): Promise<number> {
  const { client, directories, fleet, json, options } = context;
  const { previewOfNew, reportPreview } = await import('../preview.ts');
  const known = await knownFleets(context);
  if (known === null && sources.length === 0) throw away(context);
  if (known === null) {
    const specs = await checkedSeveral(sources, target);
    const fresh = isFresh(directories.stateDir);
    const fleets = specs.map((one) => {
      const wanted = target ?? one.spec.target;
      if (wanted === null) throw targetMissing(one.spec.name);
      return previewOfNew(one, wanted, fresh);
    });
    return reportPreview({ fleets }, json);
  }
  const wanted =
    sources.length > 1
      ? (await checkedSeveral(sources, target)).map(({ spec, source }) => ({
          name: spec.name,
          source,
        }))
      : [await chooseAmong(known, sources[0] ?? null, fleet, target)];
  const fleets = wanted.map(({ name, source }) => ({
    fleet: name,
    ...(target !== undefined && { target }),
    ...(source && { spec: source.document, baseDir: source.baseDir }),
  }));
  const body = { fleets, ...(options.force && { force: true }) };
  return reportPreview(await client.call('drySpawn', {}, body), json);
}

/** The specs of sources, checked. @throws FleetError SPEC_INVALID, USAGE if there are several, and TARGET is given */
async function checkedSeveral(sources: readonly Source[], target: number | undefined): Promise<Checked[]> {
  if (target !== undefined && sources.length > 1) {
    const found = sources.map(({ name }) => name ?? 'one without a name').join(', ');
    throw new FleetError('USAGE', `TARGET is for one fleet, and -f names several specs: ${found}`, {
      hint: 'Write the targets into the specs, or choose one with --fleet NAME.',
    });
  }
  return checkedAll(sources);
}

/** What to spawn: a known fleet, or one that a source describes. */
interface Wanted {
  name: string;
  source: Source | null;
}

/**
 * Finds out what to spawn, and starts a supervisor if only one can tell. What can be refused without a supervisor is
 * refused before one is started.
 */
async function settle(context: Context, source: Source | null, target: number | undefined): Promise<Wanted> {
  const { directories, fleet } = context;
  if (source?.explicit) {
    const spec = await checked(source);
    // The supervisor need not be asked what it knows.
    if ((target ?? spec.target) !== null) return { name: spec.name, source };
  }
  const choose = (known: string[]): Promise<Wanted> => chooseAmong(known, source, fleet, target);
  const known = await knownFleets(context);
  if (known !== null) return choose(known);
  // Only a supervisor can tell which fleets an existing state directory holds.
  if (isFresh(directories.stateDir)) await choose([]);
  else if (source) await checked(source);
  await autostart(context);
  return choose(await fleetNames(context.client));
}

/** The specs that the user gave, or ./fleet.yaml if the command may refer to it. */
async function sourcesFor({ command, fleet, options }: Context): Promise<Source[]> {
  const { file } = options;
  const flag = specFlagIn(options);
  if (command === null && flag) {
    throw new FleetError('USAGE', `${flag} is valid only with -- COMMAND`, {
      hint: 'With -f FILE, write the value into the spec.',
    });
  }
  if (command !== null && file !== undefined) {
    throw FleetError.of('USAGE.exclusive', { one: '-f FILE', other: '-- COMMAND' });
  }
  if (command?.length === 0) throw new FleetError('USAGE', 'there is no command after --');
  if (command === null && file === undefined) {
    const local = await localSource(fleet);
    return local ? [local] : [];
  }
  const sources = command
    ? [sourceFromDocument(specFromFlags({ ...options }, command))]
    : await sourcesFrom(file!);
  return fleet === null ? sources : [oneOf(sources, fleet, 'spawn')];
}

/** The first flag given that stands for a key of the spec, if any. */
function specFlagIn(options: Options): string | undefined {
  const given = SPEC_FLAGS.find(({ attribute }) => Object.hasOwn(options, attribute));
  return given?.flags.split(' ')[0];
}

async function chooseAmong(
  known: string[],
  source: Source | null,
  fleet: string | null,
  target: number | undefined,
): Promise<Wanted> {
  if (source === null) return { name: knownFleet(known, fleet), source };
  if (!source.explicit && source.name !== null && known.includes(source.name)) {
    printMessage(
      `note: ${source.name} keeps its current spec; fleetctl spawn -f ${LOCAL_FILE} applies changes in the file`,
    );
    return { name: source.name, source: null };
  }
  const spec = await checked(source);
  if (target === undefined && spec.target === null && !known.includes(spec.name)) {
    throw targetMissing(spec.name);
  }
  return { name: spec.name, source };
}

function knownFleet(known: string[], fleet: string | null): string {
  if (fleet === null && known.length === 0) {
    throw new FleetError('SPEC_MISSING', `the supervisor knows no fleet, and there is no ./${LOCAL_FILE}`);
  }
  if (fleet !== null && !known.includes(fleet)) {
    throw new FleetError('UNKNOWN', `there is no fleet "${fleet}", and no ./${LOCAL_FILE} with that name`);
  }
  return fleet ?? onlyFleet(known);
}

function targetMissing(name: string): FleetError {
  return new FleetError('USAGE', `the target of ${name} is missing: neither TARGET nor the spec states it`, {
    hint: 'Run fleetctl spawn TARGET, or write "target: N" into the spec.',
  });
}

function away({ client }: Context): FleetError {
  return FleetError.of('SUPERVISOR_AWAY.none', { socket: client.socketPath });
}
