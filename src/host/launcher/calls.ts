import { constants } from 'node:fs';
import type { Architecture } from './image.ts';
import type { Launch } from './launch.ts';
import { type Call, TABLE } from './script.ts';

/** The steps of a launch, by the names in reports of failures, in this order. */
export const STEPS = [
  'cgroup',
  'fork',
  'setsid',
  'output',
  'close',
  'umask',
  'nofile',
  'oom_score_adj',
  'no_new_privs',
  'setgroups',
  'setresgid',
  'setresuid',
  'capset',
  'chdir',
  'execve',
] as const;
export type StepName = (typeof STEPS)[number];

/** Numbers of system calls (asm/unistd_64.h; asm-generic/unistd.h). */
const CALLS = {
  x64: {
    write: 1,
    close: 3,
    munmap: 11,
    clone: 56,
    execve: 59,
    fcntl: 72,
    chdir: 80,
    fchdir: 81,
    fchown: 93,
    umask: 95,
    setsid: 112,
    setgroups: 116,
    setresuid: 117,
    setresgid: 119,
    capset: 126,
    prctl: 157,
    openat: 257,
    dup3: 292,
    prlimit64: 302,
    clone3: 435,
  },
  arm64: {
    dup3: 24,
    fcntl: 25,
    chdir: 49,
    fchdir: 50,
    fchown: 55,
    openat: 56,
    close: 57,
    write: 64,
    capset: 91,
    setresuid: 147,
    setresgid: 149,
    setsid: 157,
    setgroups: 159,
    umask: 166,
    prctl: 167,
    munmap: 215,
    clone: 220,
    execve: 221,
    prlimit64: 261,
    clone3: 435,
  },
} as const;
type CallName = keyof (typeof CALLS)['x64'] & keyof (typeof CALLS)['arm64'];

/**
 * The descriptors of the launcher besides 0 to 2, which are /dev/null: reports, orders, the shared page until it is
 * mapped; the first free one, which is the handed output's if there is one.
 */
export const FD = { report: 3, orders: 4, table: 5, first: 5 } as const;
/** The child closes the socket of orders before it opens anything of its own, which so gets this number. */
const OWN = FD.orders;
const AT_FDCWD = -100;
/** open(2): a place in the file system, not its content; closed on exec. The same on x86-64 and arm64. */
const O_PATH_CLOEXEC = 0o10000000 | 0o2000000;
const OUTPUT_MODE = 0o640;
const OUTPUT_FLAGS =
  constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NOCTTY;
const RLIMIT_NOFILE = 7;
const PR_SET_NO_NEW_PRIVS = 38;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
/**
 * clone(2): a child of the supervisor, not of the launcher; its pid is in the shared page before its first instruction;
 * born in a cgroup (clone3 only, Linux 5.7).
 */
const CLONE = { parent: 0x8000, parentSetTid: 0x100000, intoCgroup: 0x2_0000_0000 } as const;
/** struct clone_args, 88 bytes since Linux 5.7: its flags, where the child's pid goes, and the cgroup's descriptor. */
const CLONE_ARGS = { size: 88, flags: 0, parentTid: 24, cgroup: 80 } as const;
/** _LINUX_CAPABILITY_VERSION_3 (linux/capability.h): a header of two words, and two sets of three. */
const CAPABILITY_VERSION = 0x20080522;

/** What the kernel can do. */
export interface Abilities {
  architecture: Architecture;
  /** Whether clone3(2) gives birth in a cgroup (Linux 5.7; sandboxes may forbid it). */
  bornInCgroup: boolean;
}

/**
 * The system calls that lead from the launcher to the program. What the spec controls comes last: before the change of
 * the user, the process has an empty environment, `/` as its directory and no file of the slot's except its log.
 */
export function launchCalls(launch: Launch, { architecture, bornInCgroup }: Abilities): Call[] {
  const call = (
    step: StepName,
    name: CallName,
    args: Call['arguments'],
    options: { mayFail?: boolean; forks?: boolean } = {},
  ): Call => ({
    number: CALLS[architecture][name],
    arguments: args,
    step: STEPS.indexOf(step),
    ...options,
  });
  /** Writes one short text to a file of the kernel. @param fd the first free descriptor */
  const write = (step: StepName, fd: number, path: string, text: string, options = {}) => [
    call(step, 'openat', [AT_FDCWD, path, constants.O_WRONLY], options),
    call(step, 'write', [fd, text, text.length], options),
    call(step, 'close', [fd], options),
  ];
  /** Opens a file as a descriptor. */
  const open = (fd: number, file: string) => [
    call('output', 'close', [fd]),
    call('output', 'openat', [AT_FDCWD, file, OUTPUT_FLAGS, OUTPUT_MODE]),
  ];
  /** Makes a log the user's: opening /dev/stdout or /dev/stderr again opens the file again (proc_pid_fd(5)). */
  const openLog = (fd: number, log: string) => [
    ...open(fd, log),
    // A file system without owners refuses; then only that second opening is refused as well.
    ...(launch.user
      ? [call('output', 'fchown', [fd, launch.user.uid, launch.user.gid], { mayFail: true })]
      : []),
  ];
  const { path, argv, env, cwd, user, cgroup, umask, nofile, oomScoreAdj, output } = launch;
  const isHanded = 'fd' in output;
  /** The descriptor after a handed output's. */
  const next = isHanded ? FD.first + 1 : FD.first;
  const optional = { mayFail: true };
  return [
    // In the launcher: the fork, in the child's cgroup if that can be.
    ...(cgroup !== undefined && bornInCgroup
      ? [
          call('cgroup', 'openat', [AT_FDCWD, cgroup, O_PATH_CLOEXEC | constants.O_DIRECTORY]),
          call('fork', 'clone3', [cloneArguments(next), CLONE_ARGS.size], { forks: true }),
        ]
      : [call('fork', 'clone', [CLONE.parent | CLONE.parentSetTid, 0, TABLE], { forks: true })]),
    // In its child.
    ...(cgroup !== undefined && !bornInCgroup ? write('cgroup', next, `${cgroup}/cgroup.procs`, '0') : []),
    call('setsid', 'setsid', []),
    ...(launch.isErrand
      ? [
          call('output', 'close', [0]),
          call('output', 'openat', [AT_FDCWD, '/dev/null', constants.O_RDONLY | constants.O_APPEND]),
        ]
      : []),
    ...(isHanded
      ? [call('output', 'dup3', [FD.first, 1, 0])]
      : 'log' in output
        ? openLog(1, output.log)
        : open(1, output.path)),
    ...('log' in output && output.errors !== undefined
      ? openLog(2, output.errors)
      : [call('output', 'dup3', [1, 2, 0])]),
    call('close', 'close', [FD.orders]),
    call('close', 'close', [FD.first], optional),
    call('close', 'close', [FD.first + 1], optional),
    call('close', 'fcntl', [FD.report, F_SETFD, FD_CLOEXEC]),
    ...(umask === undefined ? [] : [call('umask', 'umask', [umask])]),
    ...(nofile ? [call('nofile', 'prlimit64', [0, RLIMIT_NOFILE, limitPair(nofile), 0])] : []),
    // A sandbox may forbid it; the agent is then killed as late as the supervisor when memory runs out.
    ...(oomScoreAdj === undefined
      ? []
      : write('oom_score_adj', OWN, '/proc/self/oom_score_adj', String(oomScoreAdj), optional)),
    ...(user
      ? [
          // What the launcher still has of other launches is nothing that this user may ever see.
          call('close', 'munmap', 'tail'),
          // Only root may reach the directory. It becomes the working directory after the change of user, who must have access.
          call('chdir', 'openat', [AT_FDCWD, cwd, O_PATH_CLOEXEC | constants.O_DIRECTORY]),
          // As root: if fs.suid_dumpable is 1, others may trace the new user's process from the change on.
          call('no_new_privs', 'prctl', [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0]),
          call('setgroups', 'setgroups', [user.groups.length, words(user.groups)]),
          call('setresgid', 'setresgid', [user.gid, user.gid, user.gid]),
          call('setresuid', 'setresuid', [user.uid, user.uid, user.uid]),
          // Inheritable ones survive the change of the user (capabilities(7)).
          call('capset', 'capset', [words([CAPABILITY_VERSION, 0]), Buffer.alloc(24)]),
          call('chdir', 'fchdir', [OWN]),
        ]
      : [call('chdir', 'chdir', [cwd])]),
    call('execve', 'execve', [path, argv, env]),
  ];
}

/** @param cgroup the descriptor of the cgroup's directory */
function cloneArguments(cgroup: number): Buffer {
  const buffer = Buffer.alloc(CLONE_ARGS.size);
  const flags = CLONE.parent + CLONE.parentSetTid + CLONE.intoCgroup;
  buffer.writeBigUInt64LE(BigInt(flags), CLONE_ARGS.flags);
  buffer.writeUInt32LE(TABLE, CLONE_ARGS.parentTid);
  buffer.writeUInt32LE(cgroup, CLONE_ARGS.cgroup);
  return buffer;
}

function words(values: readonly number[]): Buffer {
  return Buffer.from(new Uint32Array(values).buffer);
}

const UNLIMITED = 2n ** 64n - 1n;

function limitPair({ soft, hard }: { soft: number; hard: number }): Buffer {
  const toWord = (value: number) => (value === Number.POSITIVE_INFINITY ? UNLIMITED : BigInt(value));
  return Buffer.from(new BigUint64Array([toWord(soft), toWord(hard)]).buffer);
}
