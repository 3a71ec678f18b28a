import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import type { Startup } from '../../doctor/facts.ts';
import type { Spec } from '../../specification/spec.ts';
import { findExecutable } from '../sys/executable.ts';
import type { Root } from './root.ts';
import { linesLike } from './systemd.ts';

const FILES = ['/etc/rc.local', '/etc/rc.d/rc.local', '/etc/crontab'];
const DIRECTORIES = [
  '/etc/cron.d',
  '/etc/cron.hourly',
  '/etc/cron.daily',
  '/var/spool/cron',
  '/var/spool/cron/crontabs',
  '/etc/init.d',
  '/etc/systemd/system',
  '/usr/local/lib/systemd/system',
  '/etc/systemd/user',
];
/** The units that fleetctl install writes. */
const OWN_UNIT = /^fleetd(-[a-z]+)*\.(service|timer|slice|socket|target)$/;

/** Lines of start-up scripts, crontabs and units (without ours) that start the fleet. @param executable the fleet's */
export function readStartups(root: Root, executable: string | null): Startup[] {
  const pattern = startsFleet(executable);
  const files = DIRECTORIES.flatMap((directory) =>
    root
      .list(directory)
      .filter((name) => !OWN_UNIT.test(name))
      .map((name) => `${directory}/${name}`),
  );
  return [...FILES, ...files].flatMap((file) => linesLike(root, file, pattern));
}

/** The lines of a script without a file (the cloud's metadata) that start the fleet; `address` stands for the file. */
export function startupsIn(script: string, address: string, executable: string | null): Startup[] {
  const pattern = startsFleet(executable);
  return script.split('\n').flatMap((line, i) => {
    const text = line.trim();
    return text.startsWith('#') || !pattern.test(text) ? [] : [{ file: address, line: i + 1, text }];
  });
}

/** Interpreters and the like run in too many places to be meaningful. */
const COMMON = /^(ba|da|z|k)?sh$|^(node|python[\d.]*|perl|ruby|java|env|sleep|busybox)$/;

/** The file that a fleet's agents run; null if it cannot be found, or many other programs use it too. */
export function programOf({ command, binary, env }: Spec, baseDir: string): string | null {
  try {
    const path = env.PATH ?? process.env.PATH ?? '';
    const found = realpathSync(findExecutable(binary ?? command[0]!, baseDir, path, 'command[0]'));
    return COMMON.test(basename(found)) ? null : found;
  } catch {
    return null;
  }
}

function startsFleet(executable: string | null): RegExp {
  const program =
    executable === null ? [] : [`(?:^|[\\s/='"])${RegExp.escape(basename(executable))}(?=$|[\\s'";&|])`];
  return new RegExp(['\\bfleetctl\\s+(?:\\S+\\s+)*?spawn\\b', ...program].join('|'));
}
