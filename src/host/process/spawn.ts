import { closeSync, constants, openSync } from 'node:fs';
import { FD, launchCalls } from '../launcher/calls.ts';
import { type Architecture, launcherImage } from '../launcher/image.ts';
import type { Launch } from '../launcher/launch.ts';
import { memoryFile } from '../launcher/memory-file.ts';
import { compileScript, SCRIPT_BYTES_MAX } from '../launcher/script.ts';
import { libc, SIZE, SystemCallError } from '../sys/libc.ts';
import { closeFd } from '../sys/pidfd.ts';

const SETSIGDEF = 0x04;
const SETSIGMASK = 0x08;
const SETSID = 0x80;
const SETCGROUP = 0x100;
const OUTPUT_MODE = 0o640;
const OUTPUT_FLAGS =
  constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NOCTTY;
/** The errors of posix_spawn if the kernel, or a sandbox, has no clone3(2). */
const UNSUPPORTED = new Set(['ENOSYS', 'EOPNOTSUPP', 'ENOTSUP']);

/** How a launch is reported: the number of a report, and its pipe. */
export interface Reporting {
  launch: number;
  fd: number;
}

/** Own session, default signals, empty mask: Node ignores SIGPIPE and SIGXFSZ, and an agent must not inherit that. */
const attributes = Buffer.alloc(SIZE.spawnAttributes);
const FLAGS = SETSIGDEF | SETSIGMASK | SETSID;
libc.attributesInit(attributes);
libc.attributesFlags(attributes, FLAGS);
libc.attributesMask(attributes, Buffer.alloc(SIZE.signalSet));
libc.attributesDefault(attributes, Buffer.alloc(SIZE.signalSet, 0xff));

/** The path and the only word of the launcher. Its own environment is empty. */
const LAUNCHER_PATH = `/proc/self/fd/${FD.image}`;
const LAUNCHER_WORDS = ['fleetd-launcher', null];
const ARCHITECTURE = process.arch as Architecture;

const pid = Buffer.alloc(4);
/** The launcher's file; each thread has its own table of descriptors, and so its own file. */
let image: number | null = null;
let canSpawnIntoCgroups = libc.attributesCgroup !== null;

/**
 * Starts a process in a session of its own that inherits only what `launch` names.
 * posix_spawn starts the launcher, which knows only its script: it becomes what the launch describes, one system call
 * after the other, and finally executes the program (launcher/README.md). posix_spawn returns as soon as the launcher
 * runs; later failures come as a report, and the launcher exits with 127.
 * @param reporting where reports go; absent: nowhere
 * @returns the pid
 * @throws SystemCallError with the errno of the fork, or of what the launcher needs to start (such as its output)
 */
export function spawnProcess(launch: Launch, reporting?: Reporting): number {
  if (launch.cgroup === undefined || !canSpawnIntoCgroups) return spawnLauncher(launch, reporting);
  try {
    return spawnInto(launch.cgroup, launch, reporting);
  } catch (error) {
    if (!UNSUPPORTED.has((error as SystemCallError).code)) throw error;
    canSpawnIntoCgroups = false;
    return spawnLauncher(launch, reporting);
  }
}

/** The launcher is born in its cgroup (clone3(2), CLONE_INTO_CGROUP). */
function spawnInto(cgroup: string, launch: Launch, reporting: Reporting | undefined): number {
  const { cgroup: _, ...rest } = launch;
  const fd = openCgroup(cgroup);
  try {
    libc.attributesCgroup!(attributes, fd);
    libc.attributesFlags(attributes, FLAGS | SETCGROUP);
    return spawnLauncher(rest, reporting);
  } finally {
    libc.attributesFlags(attributes, FLAGS);
    closeSync(fd);
  }
}

/** @throws SystemCallError with the name that a launcher would report */
function openCgroup(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    throw SystemCallError.named('cgroup', (error as NodeJS.ErrnoException).code ?? 'EIO');
  }
}

/** The launcher is born where this process is, and moves to its cgroup, if it has another one, as its first act. */
function spawnLauncher(launch: Launch, reporting: Reporting | undefined): number {
  const script = compileScript(reporting?.launch ?? 0, launchCalls(launch, ARCHITECTURE));
  if (script.length > SCRIPT_BYTES_MAX) throw SystemCallError.named('execve', 'E2BIG');
  image ??= memoryFile('fleetd-launcher', launcherImage(ARCHITECTURE), 'executable');
  const scriptFd = memoryFile('fleetd-launch', script, 'data');
  const actions = Buffer.alloc(SIZE.fileActions);
  libc.actionsInit(actions);
  try {
    libc.actionsOpen(
      actions,
      0,
      '/dev/null',
      constants.O_RDONLY | (launch.isErrand ? constants.O_APPEND : 0),
      0,
    );
    if ('path' in launch.output) {
      libc.actionsOpen(actions, 1, launch.output.path, OUTPUT_FLAGS, OUTPUT_MODE);
    } else {
      libc.actionsDup2(actions, launch.output.fd, 1);
    }
    libc.actionsDup2(actions, 1, 2);
    libc.actionsDup2(actions, image, FD.image);
    libc.actionsDup2(actions, scriptFd, FD.script);
    if (reporting) libc.actionsDup2(actions, reporting.fd, FD.report);
    else libc.actionsOpen(actions, FD.report, '/dev/null', constants.O_WRONLY, 0);
    libc.actionsChdir(actions, '/');
    libc.actionsCloseFrom(actions, FD.first);
    const errno = libc.posix_spawn(pid, LAUNCHER_PATH, actions, attributes, LAUNCHER_WORDS, [null]);
    if (errno !== 0) throw new SystemCallError('posix_spawn', errno);
    return pid.readInt32LE(0);
  } finally {
    libc.actionsDestroy(actions);
    closeFd(scriptFd);
  }
}
