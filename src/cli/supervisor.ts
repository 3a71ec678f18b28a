import { readdirSync } from 'node:fs';
import { isAbsent } from './client.ts';
import type { Context } from './context.ts';
import { fleetNames } from './fleet.ts';
import { printMessage } from './output.ts';

/** The fleets that the supervisor knows; null if no supervisor runs. */
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
  // Loaded only here, because it loads the FFI.
  const { startSupervisor } = await import('../host/autostart/autostart.ts');
  const { pid, unit } = await startSupervisor(directories);
  printMessage(`started the supervisor, pid ${pid}${unit === null ? '' : `, as ${unit}`}`);
}

/** Whether the state directory is empty or absent, so that a supervisor would find no fleet in it. */
export function isFresh(directory: string): boolean {
  try {
    return readdirSync(directory).length === 0;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}
