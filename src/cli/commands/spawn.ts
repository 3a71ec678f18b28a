import type { SpawnRequest } from '../../api/commands.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import { SPEC_FLAGS, specFromFlags } from '../../specification/flags.ts';
import { AGENTS_MAX } from '../../specification/slots.ts';
import { isAbsent } from '../client.ts';
import type { Context, Options } from '../context.ts';
import { fleetNames, onlyFleet } from '../fleet.ts';
import { wholeNumber } from '../numbers.ts';
import { printMessage } from '../output.ts';
import type { Source } from '../spec-source.ts';
import { checked, LOCAL_FILE, localSource, sourceFromDocument, sourceFromFile } from '../spec-source.ts';
import { isFresh, knownFleets, start } from '../supervisor.ts';
import { follow } from '../watch.ts';

/** fleetctl spawn: sets the target of a fleet, new or known, and waits until it is ready. */
export async function run(context: Context): Promise<number> {
  const { args, client, options } = context;
  const target = args[0] === undefined ? undefined : wholeNumber(args[0], 'TARGET', 0, AGENTS_MAX);
  return follow(context, async () => {
    const { name, source } = await settle(context, target);
    const body: SpawnRequest = {
      ...(target !== undefined && { target }),
      ...(source && { spec: source.document, baseDir: source.baseDir }),
      ...(options.force && { force: true }),
    };
    const submit = () => client.call('spawn', { fleet: name }, body);
    return submit().catch(async (error) => {
      if (!isAbsent(error)) throw error;
      await autostart(context);
      return submit();
    });
  });
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
async function settle(context: Context, target: number | undefined): Promise<Wanted> {
  const { directories, fleet } = context;
  const source = await sourceFor(context);
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

async function autostart(context: Context): Promise<void> {
  if (context.options.autostart === false) throw away(context);
  await start(context);
}

/** The spec that the user gave, or ./fleet.yaml if the command may refer to it. */
async function sourceFor({ command, fleet, options }: Context): Promise<Source | null> {
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
    const local = await localSource();
    return fleet === null || local?.name === fleet ? local : null;
  }
  const source = command
    ? sourceFromDocument(specFromFlags({ ...options }, command))
    : await sourceFromFile(file!);
  if (fleet !== null && source.name !== fleet) {
    throw FleetError.of('USAGE.otherFleet', { fleet, name: source.name ?? '' });
  }
  return source;
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
    throw new FleetError(
      'USAGE',
      `the target of ${spec.name} is missing: neither TARGET nor the spec states it`,
      {
        hint: 'Run fleetctl spawn TARGET, or write "target: N" into the spec.',
      },
    );
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

function away({ client }: Context): FleetError {
  return FleetError.of(
    'SUPERVISOR_AWAY.none',
    { socket: client.socketPath },
    {
      hint: 'Omit --no-autostart, or start fleetd.',
    },
  );
}
