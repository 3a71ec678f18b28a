import { tryCommand } from '../sys/system-command.ts';
import { isBooted, JOB_MS_MAX } from '../sys/systemd.ts';

/** A command that applied what was installed, and its message if it failed. */
export interface Applied {
  command: string;
  problem: string | null;
}

const ENABLED_UNITS = ['fleetd.service', 'fleetd-watchdog.timer'] as const;

/** Sets the kernel's values. @param file of sysctl.d */
export function applySysctl(file: string): Promise<Applied> {
  return applied('sysctl', '--quiet', '-p', file);
}

/**
 * Makes systemd read the units, and enables and starts those that do not run yet. Running ones are not restarted.
 * @param isChanged whether units were written
 * @param isServed whether a supervisor runs that is not the unit's: the unit could not start next to it
 */
export async function applyUnits(isChanged: boolean, isServed: boolean): Promise<Applied[]> {
  const done: Applied[] = [];
  if (isChanged) done.push(await applied('systemctl', 'daemon-reload'));
  const disabled = await unitsThatAreNot('is-enabled');
  if (disabled.length > 0) done.push(await applied('systemctl', 'enable', '--quiet', ...disabled));
  const idle = (await unitsThatAreNot('is-active')).filter((unit) => !isServed || unit !== 'fleetd.service');
  if (idle.length > 0) done.push(await applied('systemctl', 'start', ...idle));
  return done;
}

/** Whether fleetd.service of the system's manager runs, or is about to. */
export async function isUnitActive(): Promise<boolean> {
  return isBooted() && !(await unitsThatAreNot('is-active')).includes('fleetd.service');
}

/** Reverses the enabling, before the units are removed. A running supervisor and agents are left alone. */
export function disableUnits(): Promise<Applied[]> {
  return inTurn([
    ['systemctl', 'stop', 'fleetd-watchdog.timer'],
    ['systemctl', 'disable', '--quiet', ...ENABLED_UNITS],
  ]);
}

/** Makes systemd forget units that were removed. */
export function reloadUnits(): Promise<Applied> {
  return applied('systemctl', 'daemon-reload');
}

async function unitsThatAreNot(state: 'is-enabled' | 'is-active'): Promise<string[]> {
  const answers = await Promise.all(
    ENABLED_UNITS.map((unit) => tryCommand('systemctl', [state, unit], { timeoutMs: JOB_MS_MAX })),
  );
  return ENABLED_UNITS.filter((_unit, at) => !answers[at]!.ok);
}

async function inTurn(commands: readonly [string, ...string[]][]): Promise<Applied[]> {
  const done: Applied[] = [];
  for (const [file, ...args] of commands) done.push(await applied(file, ...args));
  return done;
}

async function applied(file: string, ...args: string[]): Promise<Applied> {
  const { ok, text } = await tryCommand(file, args, { timeoutMs: JOB_MS_MAX });
  return { command: [file, ...args].join(' '), problem: ok ? null : text };
}
