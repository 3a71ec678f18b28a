import { readdirSync } from 'node:fs';
import { isAbsent } from './client.ts';
import type { Context } from './context.ts';
import { fleetNames } from './fleet.ts';
import { say } from './output.ts';

/** The fleets that the supervisor knows; null where none is there. */
export async function knownFleets({ client }: Context): Promise<string[] | null> {
  try {
    return await fleetNames(client);
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

/** Starts a supervisor in the background. */
export async function start({ directories }: Context): Promise<void> {
  // Loaded only here: it brings in the FFI.
  const { startSupervisor } = await import('../host/autostart/autostart.ts');
  const { pid, unit } = await startSupervisor(directories);
  say(`started supervisor, pid ${pid}${unit === null ? '' : `, as ${unit}`}`);
}

/** Whether the state directory holds nothing, so that a supervisor would know no fleet from there. */
export function isFresh(directory: string): boolean {
  try {
    return readdirSync(directory).length === 0;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}
