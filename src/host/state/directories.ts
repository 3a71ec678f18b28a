import { existsSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import { defaultDirectories } from '../../specification/paths.ts';

/**
 * The directories of this user's supervisor (documented under "Where things live"). The state directory is resolved,
 * because the kernel names its files so, and agents are recognised by them. The runtime directory stays as it was named,
 * because a link may keep the paths of sockets short.
 */
export function directories(): { stateDir: string; runtimeDir: string } {
  const { stateDir, runtimeDir } = defaultDirectories(process.env, process.getuid!(), homedir(), existsSync);
  return { stateDir: realPath(resolve(stateDir)), runtimeDir };
}

/** A path without links; a missing part stays as it was named. */
function realPath(path: string): string {
  if (path === dirname(path)) return path;
  return existsSync(path)
    ? realpathSync(path)
    : `${realPath(dirname(path)).replace(/\/$/, '')}/${basename(path)}`;
}
