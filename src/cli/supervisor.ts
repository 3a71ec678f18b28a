import { readdirSync } from 'node:fs';
import { FleetError } from '../errors/fleet-error.ts';
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

async function start({ directories }: Context): Promise<void> {
  // Loaded only here, because it loads the FFI.
  const { startSupervisor } = await import('../host/autostart/autostart.ts');
  const { pid, unit } = await startSupervisor(directories);
  printMessage(`started the supervisor, pid ${pid}${unit === null ? '' : `, as ${unit}`}`);
}

/** Starts a supervisor in the background, unless the user forbids that. @throws FleetError SUPERVISOR_AWAY */
export async function autostart(context: Context): Promise<void> {
  const { options, client } = context;
  if (options.autostart !== false) return start(context);
  throw FleetError.of(
    'SUPERVISOR_AWAY.none',
    { socket: client.socketPath },
    { hint: 'Omit --no-autostart, or start fleetd.' },
  );
}

/** Submits a request, to a supervisor that is started if none runs. */
export async function submitting<T>(context: Context, submit: () => Promise<T>): Promise<T> {
  try {
    return await submit();
  } catch (error) {
    if (!isAbsent(error)) throw error;
    await autostart(context);
    return submit();
  }
}

/** Whether the state directory is empty or absent, so that a supervisor would find no fleet in it. */
export function isFresh(directory: string): boolean {
  try {
    return readdirSync(directory).length === 0;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}
