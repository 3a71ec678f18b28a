import { dirname, resolve } from 'node:path';
import { FleetError } from '../../errors/fleet-error.ts';
import type { ReleaseRecord } from '../../fleet/records.ts';
import { releaseOf } from '../../fleet/slot-records.ts';
import type { Account, Host, Launch, Output, Users } from '../../host/host.ts';
import { addressOf } from '../../specification/addresses.ts';
import { namedPortsOf, type Paths, portOf } from '../../specification/paths.ts';
import { expand, type Placeholders } from '../../specification/placeholders.ts';
import type { Spec, User } from '../../specification/spec.ts';
import { attributesOf, sandboxOf, userOf } from './attributes.ts';
import type { FleetContext } from './context.ts';
import { readSlotSecrets } from './env-file.ts';

/** The PATH for agents' commands, whatever PATH the supervisor was started with. */
export const AGENT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * The user that a slot runs as; null if that is the supervisor's own.
 * @throws FleetError USER_UNKNOWN, or PRIVILEGE_MISSING if that needs root
 */
export function accountFor(users: Users, user: User | null, slot: number): Account | null {
  if (user === null) return null;
  const account = 'name' in user ? users.find(user.name) : users.of(user.base + slot, user.base + slot);
  if (!account)
    throw new FleetError(
      'USER_UNKNOWN',
      `user: there is no user "${(user as { name: string }).name}" on this host`,
    );
  if (account.uid === users.own.uid) return null;
  if (users.own.uid !== 0)
    throw new FleetError('PRIVILEGE_MISSING', `user: only root can run agents as uid ${account.uid}`);
  // A slot with a uid of its own has that number as its group as well, whatever the user database says.
  return 'base' in user ? { ...account, name: null, gid: account.uid } : account;
}

/** The values of the placeholders in a slot. */
export function placeholdersOf(spec: Spec, release: string, slot: number, paths: Paths): Placeholders {
  return {
    slot,
    port: portOf(spec.ports, slot),
    ports: namedPortsOf(spec.ports, slot),
    address: addressOf(spec.addresses, slot),
    labels: spec.labels ?? {},
    socket: paths.agentSocket(spec.name, slot),
    dir: paths.slotDir(spec.name, slot),
    fleet: spec.name,
    release,
  };
}

/** What a slot's processes are made from. */
export interface LaunchWorld {
  host: Host;
  spec: Spec;
  baseDir: string;
  release: ReleaseRecord;
  slot: number;
  paths: Paths;
  /** The variables of a file of the slot's own (readSlotSecrets); absent if it has none. */
  secrets?: Record<string, string>;
  /** The trace context of this start; absent if it is in no trace. */
  traceparent?: string;
}

/** What the processes of a slot are made from, on a release that the store has. */
export function launchWorld(
  { fleet, services }: FleetContext,
  slot: number,
  id: string = fleet.slot(slot).release,
): LaunchWorld {
  const release = releaseOf(fleet, id);
  const { host, paths } = services;
  return { host, spec: fleet.specOf(release.id), baseDir: fleet.baseDirOf(release.id), release, slot, paths };
}

/** The same with the variables of the slot's own file, if `envFile` has placeholders. @throws FleetError if it cannot be read */
export async function launchWorldWithSecrets(
  context: FleetContext,
  slot: number,
  id?: string,
): Promise<LaunchWorld> {
  const world = launchWorld(context, slot, id);
  const { spec, baseDir, host } = world;
  const values = placeholdersOf(spec, world.release.id, slot, world.paths);
  const secrets = await readSlotSecrets({ envFile: spec.envFile, baseDir }, values, host.files.reader);
  return { ...world, secrets };
}

/** The agent itself. */
export function agentLaunch(world: LaunchWorld, account: Account | null, output: Output): Launch {
  const values = placeholdersOf(world.spec, world.release.id, world.slot, world.paths);
  const { path, argv } = world.release;
  return {
    path,
    argv: argv.map((argument) => expand(argument, values)),
    env: environment(world, values, account),
    output,
    ...standingOf(world, values, account, path),
  };
}

/** What a helper runs. */
export interface HelperCommand {
  argv: readonly string[];
  /** The key of the spec, for messages. */
  where: string;
  output: Output;
  /** The main process of the agent, as MAINPID; absent if there is none, or it does not matter. */
  mainPid?: number;
}

/** A helper of the agent (prepare, an exec check): in the agent's environment, as its user. */
export function helperLaunch(
  world: LaunchWorld,
  { argv: command, where, output, mainPid }: HelperCommand,
  account: Account | null,
): Launch {
  const values = placeholdersOf(world.spec, world.release.id, world.slot, world.paths);
  const path = world.host.files.findExecutable(
    command[0]!,
    world.baseDir,
    world.spec.env.PATH ?? AGENT_PATH,
    `${where}[0]`,
  );
  return {
    path,
    argv: command.map((argument) => expand(argument, values)),
    env: [...environment(world, values, account), ...(mainPid === undefined ? [] : [`MAINPID=${mainPid}`])],
    output,
    isErrand: true,
    ...standingOf(world, values, account, path),
  };
}

/** Where and as what the processes of a slot run. @param program its absolute path */
function standingOf(
  { host, spec, baseDir, paths }: LaunchWorld,
  values: Placeholders,
  account: Account | null,
  program: string,
): Pick<Launch, 'cwd'> & Partial<Launch> {
  const pathOf = (template: string) => resolve(baseDir, expand(template, values));
  const cwd = pathOf(spec.cwd);
  return {
    cwd,
    ...attributesOf(spec),
    ...userOf(host.processes.users, account, spec.process),
    ...sandboxOf(spec.sandbox, {
      own: [values.dir, dirname(values.socket)],
      // The socket for notifications is in the runtime directory; another supervisor makes another one there.
      visible: [baseDir, program, cwd, paths.runtimeDir],
      pathOf,
    }),
  };
}

/** The complete environment of an agent. */
function environment(world: LaunchWorld, values: Placeholders, account: Account | null): string[] {
  const { host, spec, release, paths } = world;
  const { users, locale } = host.processes;
  const self = account ?? users.own;
  const name = self.name ?? String(self.uid);
  const env: Record<string, string> = {
    PATH: AGENT_PATH,
    HOME: self.home,
    USER: name,
    LOGNAME: name,
    LANG: locale.language,
    TZ: locale.timeZone,
    // The agents may be instrumented otherwise: their spec comes after it.
    ...(world.traceparent !== undefined && { TRACEPARENT: world.traceparent }),
    ...Object.fromEntries(
      Object.entries(release.env).map(([key, template]) => [key, expand(template, values)]),
    ),
    ...release.secrets,
    ...world.secrets,
    FLEET_NAME: values.fleet,
    FLEET_SLOT: String(values.slot),
    FLEET_PORT: values.port === null ? '' : String(values.port),
    ...Object.fromEntries(
      Object.entries(values.ports).map(([name, port]) => [portVariable(name), String(port)]),
    ),
    ...(values.address !== null && { FLEET_ADDRESS: values.address }),
    FLEET_SOCKET: values.socket,
    FLEET_DIR: values.dir,
    FLEET_RELEASE: values.release,
  };
  const { ready, health } = spec;
  const isWatched = health !== null && (health.check ?? ready).kind === 'notify';
  if (ready.kind === 'notify' || isWatched) env.NOTIFY_SOCKET = paths.notifySocket;
  // Requests WATCHDOG=1, as in sd_watchdog_enabled(3): in microseconds.
  if (isWatched) env.WATCHDOG_USEC = String(health.everyMs * 1000);
  return Object.entries(env).map(([key, value]) => `${key}=${value}`);
}

/** The variable that holds a named port. */
function portVariable(name: string): string {
  return `FLEET_PORT_${name.toUpperCase().replaceAll('-', '_')}`;
}
