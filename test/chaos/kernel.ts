import { readdirSync, readFileSync } from 'node:fs';
import { isRunning } from '../e2e/harness.ts';
import type { Arena } from './arena.ts';

/**
 * Which agents run, by slot, as /proc tells it and whatever the supervisor believes: a process that was started with
 * the port of a slot, and with a socket in this arena's directory.
 */
export function readAgents({ world, portBase }: Arena): Map<number, number[]> {
  const agents = new Map<number, number[]>();
  for (const pid of readdirSync('/proc').map(Number)) {
    if (!(pid > 0)) continue;
    const [, , port, socket = ''] = words(pid);
    if (!socket.startsWith(`${world.runtimeDir}/`) || !isRunning(pid)) continue;
    const slot = Number(port) - portBase;
    agents.set(slot, [...(agents.get(slot) ?? []), pid]);
  }
  return agents;
}

/** argv of a process: the interpreter, the script, and what that was given; empty where it is gone. */
function words(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
  } catch {
    return [];
  }
}
