import { constants } from 'node:fs';
import type { Architecture } from './image.ts';
import type { Launch } from './launch.ts';
import type { Call } from './script.ts';

/** The steps of a launcher, by the names in reports of failures, in this order. */
export const STEPS = [
  'cgroup',
  'umask',
  'nofile',
  'oom_score_adj',
  'no_new_privs',
  'setgroups',
  'setresgid',
  'setresuid',
  'capset',
  'chdir',
  'close',
  'execve',
] as const;
export type StepName = (typeof STEPS)[number];

/** Numbers of system calls (asm/unistd_64.h; asm-generic/unistd.h). */
const CALLS = {
  x64: {
    write: 1,
    close: 3,
    execve: 59,
    fcntl: 72,
    chdir: 80,
    fchdir: 81,
    umask: 95,
    setgroups: 116,
    setresuid: 117,
    setresgid: 119,
    capset: 126,
    prctl: 157,
    openat: 257,
    prlimit64: 302,
  },
  arm64: {
    fcntl: 25,
    chdir: 49,
    fchdir: 50,
    openat: 56,
    close: 57,
    write: 64,
    capset: 91,
    setresuid: 147,
    setresgid: 149,
    setgroups: 159,
    umask: 166,
    prctl: 167,
    execve: 221,
    prlimit64: 261,
  },
} as const;
type CallName = keyof (typeof CALLS)['x64'] & keyof (typeof CALLS)['arm64'];

/** The descriptors of the launcher besides 0 to 2: its own file, its script, its reports; and the first free one. */
export const FD = { image: 3, script: 4, report: 5, first: 6 } as const;
const AT_FDCWD = -100;
/** open(2): a place in the file system, not its content; closed on exec. The same on x86-64 and arm64. */
const O_PATH_CLOEXEC = 0o10000000 | 0o2000000;
const RLIMIT_NOFILE = 7;
const PR_SET_NO_NEW_PRIVS = 38;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
/** _LINUX_CAPABILITY_VERSION_3 (linux/capability.h): a header of two words, and two sets of three. */
const CAPABILITY_VERSION = 0x20080522;

/**
 * The system calls that lead from the launcher to the program. What the spec controls comes last: before the change of
 * the user, the process has an empty environment, `/` as its directory and no file of the slot's except its log.
 */
export function launchCalls(launch: Launch, architecture: Architecture): Call[] {
  const call = (
    step: StepName,
    name: CallName,
    args: Call['arguments'],
    options: { mayFail?: boolean } = {},
  ): Call => ({
    number: CALLS[architecture][name],
    arguments: args,
    step: STEPS.indexOf(step),
    ...options,
  });
  /** Writes one short text to a file of the kernel. It gets the first free descriptor. */
  const write = (step: StepName, path: string, text: string, options = {}) => [
    call(step, 'openat', [AT_FDCWD, path, constants.O_WRONLY], options),
    call(step, 'write', [FD.first, text, text.length], options),
    call(step, 'close', [FD.first], options),
  ];
  const { path, argv, env, cwd, user, cgroup, umask, nofile, oomScoreAdj } = launch;
  return [
    ...(cgroup === undefined ? [] : write('cgroup', `${cgroup}/cgroup.procs`, '0')),
    ...(umask === undefined ? [] : [call('umask', 'umask', [umask])]),
    ...(nofile ? [call('nofile', 'prlimit64', [0, RLIMIT_NOFILE, limitPair(nofile), 0])] : []),
    // A sandbox may forbid it; the agent is then killed as late as the supervisor when memory runs out.
    ...(oomScoreAdj === undefined
      ? []
      : write('oom_score_adj', '/proc/self/oom_score_adj', String(oomScoreAdj), { mayFail: true })),
    // Only root may reach the directory. It becomes the working directory after the change of user, who must have access.
    ...(user ? [call('chdir', 'openat', [AT_FDCWD, cwd, O_PATH_CLOEXEC | constants.O_DIRECTORY])] : []),
    call('close', 'close', [FD.image]),
    call('close', 'close', [FD.script]),
    call('close', 'fcntl', [FD.report, F_SETFD, FD_CLOEXEC]),
    ...(user
      ? [
          // As root: if fs.suid_dumpable is 1, others may trace the new user's process from the change on.
          call('no_new_privs', 'prctl', [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0]),
          call('setgroups', 'setgroups', [user.groups.length, words(user.groups)]),
          call('setresgid', 'setresgid', [user.gid, user.gid, user.gid]),
          call('setresuid', 'setresuid', [user.uid, user.uid, user.uid]),
          // Inheritable ones survive the change of the user (capabilities(7)).
          call('capset', 'capset', [words([CAPABILITY_VERSION, 0]), Buffer.alloc(24)]),
          call('chdir', 'fchdir', [FD.first]),
        ]
      : [call('chdir', 'chdir', [cwd])]),
    call('execve', 'execve', [path, argv, env]),
  ];
}

function words(values: readonly number[]): Buffer {
  return Buffer.from(new Uint32Array(values).buffer);
}

const UNLIMITED = 2n ** 64n - 1n;

function limitPair({ soft, hard }: { soft: number; hard: number }): Buffer {
  const toWord = (value: number) => (value === Number.POSITIVE_INFINITY ? UNLIMITED : BigInt(value));
  return Buffer.from(new BigUint64Array([toWord(soft), toWord(hard)]).buffer);
}
