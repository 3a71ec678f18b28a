import { existsSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import { defaultDirectories } from '../../specification/paths.ts';

/**
 * Where this user's supervisor keeps its state and its sockets (the contract's "Where things live"). The state directory
 * as it is, without links: the kernel names its files so, and agents are recognised by them. The runtime directory as it
 * was named, since a link may be there to keep the paths of sockets short.
 */
export function directories(): { stateDir: string; runtimeDir: string } {
  const { stateDir, runtimeDir } = defaultDirectories(process.env, process.getuid!(), homedir(), existsSync);
  return { stateDir: realPath(resolve(stateDir)), runtimeDir };
}

/** A path without links; what is not there yet is as it was named. */
function realPath(path: string): string {
  if (path === dirname(path)) return path;
  return existsSync(path)
    ? realpathSync(path)
    : `${realPath(dirname(path)).replace(/\/$/, '')}/${basename(path)}`;
}
