import { FleetError } from '../../errors/fleet-error.ts';
import { HOME_VARIABLE } from '../cgroup/home.ts';
import { tryCommand } from '../sys/system-command.ts';
import { JOB_MS_MAX } from '../sys/systemd.ts';
import { HOME_PROPERTIES, supervisorProperties, type UnitProperty } from './way.ts';

/** The data of a supervisor that will be a unit. */
export interface UnitStart {
  /** Distinguishes it from others of this user; part of the units' names. */
  id: string;
  isRoot: boolean;
  uid: number;
  launcher: string;
  /** The program that keeps the cgroup of the agents' home: bin/keep-cgroup. */
  keeper: string;
  /** Each is `NAME=value`. */
  env: readonly string[];
  /** The file of its output. */
  output: string;
  /** Its limit of open files. */
  nofile: number;
}

const DESCRIPTION = '--description=Supervisor of fleets of daemons';

/**
 * Starts the supervisor as a transient service, next to another one that is the agents' home, so that agents outlive the
 * supervisor.
 * @returns the supervisor's unit; its start is under way
 */
export async function startTransient(start: UnitStart): Promise<string> {
  const { id, isRoot } = start;
  const unit = `fleetd-${id}.service`;
  const cgroup = await makeHome(start, `fleetd-agents-${id}.service`);
  const env = [...start.env, `${HOME_VARIABLE}=${cgroup}`].map((assignment) => `--setenv=${assignment}`);
  await systemdRun(
    start,
    ['--no-block', '--collect', '--service-type=notify', `--unit=${unit}`, DESCRIPTION, ...env],
    supervisorProperties(isRoot, start),
    [start.launcher],
  );
  return unit;
}

/**
 * Makes the agents' home: a unit that owns a cgroup. If an earlier supervisor left one with agents in it, it is reused.
 * @returns its cgroup
 */
async function makeHome(start: UnitStart, home: string): Promise<string> {
  const cgroupOf = async () => (await systemctl(start, 'show', '-P', 'ControlGroup', home)).text;
  const found = await cgroupOf();
  if (found !== '') return found;
  // Active, but without a cgroup: its keeper and all agents have ended.
  await systemctl(start, 'stop', home);
  const flags = ['--remain-after-exit', '--service-type=oneshot', `--unit=${home}`];
  const description = '--description=Home of agents of fleetd';
  await systemdRun(start, [...flags, description], HOME_PROPERTIES, [start.keeper]);
  const made = await cgroupOf();
  if (made === '') throw notStarted(home, 'it has no cgroup');
  return made;
}

/** Starts the installed unit; its start is under way. */
export async function startInstalled(unit: string): Promise<void> {
  const { ok, text } = await tryCommand('systemctl', ['start', '--no-block', unit], {
    timeoutMs: JOB_MS_MAX,
  });
  if (!ok) throw notStarted(`systemctl start ${unit}`, text);
}

/** Runs systemctl with the manager of the unit. */
export function systemctl(
  { isRoot, uid }: Pick<UnitStart, 'isRoot' | 'uid'>,
  ...args: readonly string[]
): Promise<{ ok: boolean; text: string }> {
  return tryCommand('systemctl', [...managerFlag(isRoot), ...args], {
    env: managerEnv(isRoot, uid),
    timeoutMs: JOB_MS_MAX,
  });
}

async function systemdRun(
  { isRoot, uid }: UnitStart,
  flags: readonly string[],
  properties: readonly UnitProperty[],
  command: readonly string[],
): Promise<void> {
  const set = properties.map(([name, value]) => `--property=${name}=${value}`);
  const args = [...managerFlag(isRoot), '--quiet', ...flags, ...set, '--', ...command];
  const { ok, text } = await tryCommand('systemd-run', args, {
    env: managerEnv(isRoot, uid),
    timeoutMs: JOB_MS_MAX,
  });
  if (!ok) throw notStarted('systemd-run', text);
}

function managerFlag(isRoot: boolean): string[] {
  return isRoot ? [] : ['--user'];
}

/** A shell under su or cron has no XDG_RUNTIME_DIR, through which the user's manager is found. */
function managerEnv(isRoot: boolean, uid: number): Record<string, string> {
  return isRoot ? {} : { XDG_RUNTIME_DIR: `/run/user/${uid}` };
}

function notStarted(command: string, text: string): FleetError {
  return new FleetError(
    'SUPERVISOR_AWAY',
    `the supervisor could not be started as a unit: ${command}: ${text}`,
    {
      hint: 'Start fleetd in another way, and try again.',
    },
  );
}
