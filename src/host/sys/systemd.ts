import { lstatSync } from 'node:fs';

/** The maximum time of a job of systemd on a busy host: it may wait for the start of thousands of agents. */
export const JOB_MS_MAX = 360_000;

/** Whether systemd is PID 1 here: sd_booted(3). */
export function isBooted(): boolean {
  return isDirectory('/run/systemd/system');
}

/** Whether a systemd manager of this user's own runs. */
export function hasUserManager(uid: number): boolean {
  return isDirectory(`/run/user/${uid}/systemd`);
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
