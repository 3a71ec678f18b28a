import { statSync } from 'node:fs';
import type { SlotFiles } from './containment.ts';
import { readLink } from './proc/pid.ts';
import { readProc } from './proc/read.ts';

/**
 * What marks a process that was started beside an agent, in its slot's directory and with its log (prepare, an exec
 * check). Only where there are no cgroups has it to be told from the agent by that.
 */
export const ERRAND_VARIABLE = 'FLEET_ERRAND';

/**
 * Which slot a process was started for, by what it still has of its start: the log that it writes to, or (where the
 * log is elsewhere, or was given up) its directory and its environment together. A hint, not a proof: daemons change
 * these and tenants forge them.
 */
export function recogniseAgent(pid: number, files: SlotFiles): string | null {
  const output = readLink(pid, 'fd/1');
  const byLog = output === null ? null : files.keyOfLog(output);
  if (byLog && isSame(`/proc/${pid}/fd/1`, output!)) return byLog;
  const dir = readLink(pid, 'cwd');
  const byDir = dir === null ? null : files.keyOfDir(dir);
  const isThere = byDir !== null && isSame(`/proc/${pid}/cwd`, dir!);
  return isThere && readEnvironment(pid).includes(`FLEET_DIR=${dir}`) ? byDir : null;
}

/** A process's environment as it was at its exec, or as it has overwritten it since; empty where it cannot be read. */
export function readEnvironment(pid: number): string[] {
  return readProc(`/proc/${pid}/environ`)?.toString('utf8').split('\0') ?? [];
}

/** A path is as the process's mount namespace has it: anybody can make one in which another file has that name. */
function isSame(link: string, path: string): boolean {
  try {
    const [there, here] = [statSync(link), statSync(path)];
    return there.dev === here.dev && there.ino === here.ino;
  } catch {
    return false; // Gone, or not ours to look at.
  }
}
