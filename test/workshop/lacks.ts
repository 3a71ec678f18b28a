import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { findCgroupMount } from '../../src/host/proc/cgroup.ts';
import { whyNoPidNamespace } from './namespaces.ts';
import { whyNoNetworks } from './network.ts';
import { whyNoNspawn } from './nspawn.ts';

/** Programs that some tests need; .ci/run installs the Debian packages that contain them. */
const PROGRAMS =
  'as bwrap chromium curl gcc gunicorn haproxy memcached nginx nsenter perl prometheus promtool qemu-aarch64 redis-cli redis-server script setpriv strace supervisord systemd-analyze tmux unshare'.split(
    ' ',
  );

/** Lists what some tests need and this machine lacks, each as a phrase; empty if nothing is missing. */
export function lacks(): string[] {
  const noNetworks = whyNoNetworks();
  const noPidNamespace = whyNoPidNamespace();
  const noNspawn = whyNoNspawn();
  return [
    ...(process.getuid!() === 0 ? [] : ['root']),
    ...(noNetworks === null ? [] : [`network namespaces (${noNetworks})`]),
    ...(noPidNamespace === null ? [] : [`pid namespaces (${noPidNamespace})`]),
    ...(noNspawn === null ? [] : [`systemd-nspawn (${noNspawn})`]),
    ...(hasCgroupTree() ? [] : ['a cgroup v2 tree that can be written']),
    ...(isUsable('/dev/fuse') ? [] : ['/dev/fuse']),
    ...(existsSync('/proc/sys/kernel/ns_last_pid') ? [] : ['/proc/sys/kernel/ns_last_pid']),
    ...PROGRAMS.filter((program) => !isInstalled(program)).map((program) => `the program ${program}`),
  ];
}

function hasCgroupTree(): boolean {
  const mount = findCgroupMount(readFileSync('/proc/self/mountinfo', 'utf8'));
  return mount !== null && isUsable(mount);
}

function isUsable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function isInstalled(program: string): boolean {
  const directories = (process.env.PATH ?? '').split(delimiter);
  return directories.some((directory) => existsSync(join(directory, program)));
}
