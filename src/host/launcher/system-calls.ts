import { constants } from 'node:fs';
import type { Architecture } from './image.ts';
import type { Argument, Call } from './script.ts';

/** The steps of a launch, by the names in reports of failures, in this order. */
export const STEPS = [
  'cgroup',
  'fork',
  'setsid',
  'output',
  'close',
  'sandbox',
  'umask',
  'oom_score_adj',
  'attributes',
  'nofile',
  'limits.as',
  'limits.core',
  'limits.cpu',
  'limits.data',
  'limits.fsize',
  'limits.memlock',
  'limits.msgqueue',
  'limits.nproc',
  'limits.sigpending',
  'limits.stack',
  'process.nice',
  'process.ionice',
  'process.cpus',
  'no_new_privs',
  'keyring',
  'setgroups',
  'setresgid',
  'setresuid',
  'capset',
  'process.capabilities',
  'chdir',
  'execve',
] as const;
export type StepName = (typeof STEPS)[number];

/** Numbers of system calls (asm/unistd_64.h; asm-generic/unistd.h). */
const NUMBERS = {
  x64: {
    write: 1,
    close: 3,
    munmap: 11,
    getpid: 39,
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
    personality: 135,
    setpriority: 141,
    sched_setscheduler: 144,
    prctl: 157,
    sched_setaffinity: 203,
    set_mempolicy: 238,
    keyctl: 250,
    ioprio_set: 251,
    openat: 257,
    dup3: 292,
    prlimit64: 302,
    sched_setattr: 314,
    memfd_create: 319,
    clone3: 435,
  },
  arm64: {
    dup3: 24,
    fcntl: 25,
    ioprio_set: 30,
    chdir: 49,
    fchdir: 50,
    fchown: 55,
    openat: 56,
    close: 57,
    write: 64,
    capset: 91,
    personality: 92,
    sched_setscheduler: 119,
    sched_setaffinity: 122,
    setpriority: 140,
    setresuid: 147,
    setresgid: 149,
    setsid: 157,
    setgroups: 159,
    umask: 166,
    prctl: 167,
    getpid: 172,
    munmap: 215,
    keyctl: 219,
    clone: 220,
    execve: 221,
    set_mempolicy: 237,
    prlimit64: 261,
    sched_setattr: 274,
    memfd_create: 279,
    clone3: 435,
  },
} as const;
type CallName = keyof (typeof NUMBERS)['x64'] & keyof (typeof NUMBERS)['arm64'];

export const AT_FDCWD = -100;

/** Makes calls for one architecture. */
export interface Calls {
  call: (
    step: StepName,
    name: CallName,
    args: readonly Argument[] | 'tail',
    options?: { mayFail?: boolean; forks?: boolean },
  ) => Call;
  /** Writes one short text to a file of the kernel. @param fd the first free descriptor */
  write: (step: StepName, fd: number, path: string, text: string, options?: { mayFail?: boolean }) => Call[];
}

/** What makes calls for an architecture. */
export function callsFor(architecture: Architecture): Calls {
  const numbers = NUMBERS[architecture];
  const call: Calls['call'] = (step, name, args, options = {}) => ({
    number: numbers[name],
    arguments: args,
    step: STEPS.indexOf(step),
    ...options,
  });
  return {
    call,
    write: (step, fd, path, text, options = {}) => [
      call(step, 'openat', [AT_FDCWD, path, constants.O_WRONLY], options),
      call(step, 'write', [fd, text, text.length], options),
      call(step, 'close', [fd], options),
    ],
  };
}

/** 32-bit words, as the kernel reads a structure of them. */
export function words(values: readonly number[]): Buffer {
  return Buffer.from(new Uint32Array(values).buffer);
}
