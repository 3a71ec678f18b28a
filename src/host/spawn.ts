import { constants } from 'node:fs';
import { libc, SIZE, SystemCallError } from './libc.ts';

const SETSIGDEF = 0x04;
const SETSIGMASK = 0x08;
const SETSID = 0x80;
const OUTPUT_MODE = 0o640;
const OUTPUT_FLAGS =
  constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NOCTTY;

/** Where stdout and stderr go: a file of their own, opened in the child, or a descriptor that is handed over. */
export type Output = { path: string } | { fd: number };

/** One process to start. All strings are free of NUL. */
export interface Launch {
  /** Absolute. */
  path: string;
  argv: readonly string[];
  /** `NAME=value` each: the whole environment. */
  env: readonly string[];
  cwd: string;
  output: Output;
}

/** Own session, default signals, empty mask: Node ignores SIGPIPE and SIGXFSZ, and an agent must not inherit that. */
const attributes = Buffer.alloc(SIZE.spawnAttributes);
libc.attributesInit(attributes);
libc.attributesFlags(attributes, SETSIGDEF | SETSIGMASK | SETSID);
libc.attributesMask(attributes, Buffer.alloc(SIZE.signalSet));
libc.attributesDefault(attributes, Buffer.alloc(SIZE.signalSet, 0xff));

const pid = Buffer.alloc(4);

/**
 * Starts a process in a session of its own with nothing inherited but what is named in `launch`, umask and limits.
 * posix_spawn suspends this thread until the exec has happened or failed, so a failure is known at once.
 * @returns the pid
 * @throws SystemCallError with the errno of the fork, of a file action (output, cwd) or of the exec
 */
export function spawnProcess(launch: Launch): number {
  const actions = Buffer.alloc(SIZE.fileActions);
  libc.actionsInit(actions);
  try {
    libc.actionsOpen(actions, 0, '/dev/null', constants.O_RDONLY, 0);
    if ('path' in launch.output) {
      libc.actionsOpen(actions, 1, launch.output.path, OUTPUT_FLAGS, OUTPUT_MODE);
    } else {
      libc.actionsDup2(actions, launch.output.fd, 1);
    }
    libc.actionsDup2(actions, 1, 2);
    libc.actionsChdir(actions, launch.cwd);
    libc.actionsCloseFrom(actions, 3);
    const argv = [...launch.argv, null];
    const envp = [...launch.env, null];
    const errno = libc.posix_spawn(pid, launch.path, actions, attributes, argv, envp);
    if (errno !== 0) throw new SystemCallError('posix_spawn', errno);
    return pid.readInt32LE(0);
  } finally {
    libc.actionsDestroy(actions);
  }
}
