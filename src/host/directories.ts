import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { defaultDirectories } from '../spec/layout.ts';

/** Where this user's supervisor keeps its state and its sockets (the contract's "Where things live"). */
export function directories(): { stateDir: string; runtimeDir: string } {
  return defaultDirectories(process.env, process.getuid!(), homedir(), existsSync);
}
