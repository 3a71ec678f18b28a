import { LIMIT_DEFAULTS } from '../../specification/limits.ts';
import { getLimit, type Limit, limitPair, RESOURCE, type Resource } from '../sys/rlimit.ts';
import type { Architecture } from './image.ts';
import type { Call } from './script.ts';
import { callsFor, type StepName, words } from './system-calls.ts';

/** The soft limits of a system service, also those that no spec sets, in the unit of setrlimit(2). */
const SOFT: Readonly<Record<Resource, number | 'unlimited'>> = {
  ...LIMIT_DEFAULTS,
  rss: 'unlimited',
  locks: 'unlimited',
  nice: 0,
  rtprio: 0,
  rttime: 'unlimited',
};

/** prctl(2), and the values for which a process is as one that nobody has changed. */
const PR = {
  setTsc: 26,
  setTimerSlack: 29,
  mceKill: 33,
  setThpDisable: 41,
  setSecurebits: 28,
  capAmbient: 47,
  setSpeculation: 53,
  setIoFlusher: 57,
  setMemoryMerge: 67,
} as const;
const PR_TSC_ENABLE = 1;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
const PR_SPEC = { storeBypass: 0, indirectBranch: 1, enable: 2 } as const;
/** The kernel's own (init/init_task.c), in nanoseconds. */
const TIMER_SLACK_NS = 50_000;
/** What a core file contains (core(5)); the hexadecimal number is the kernel's own. */
const COREDUMP_FILTER = '0x33';
/** No uid: a process that no login has started (audit_setloginuid in kernel/audit.c). */
const NO_LOGIN = '4294967295';
const KEYCTL_JOIN_SESSION_KEYRING = 1;
const IOPRIO_WHO_PROCESS = 1;
/** Room for 8,192 processors; those that do not exist are passed over (sched_setaffinity(2)). */
const ALL_PROCESSORS = Buffer.alloc(1_024, 0xff);
/** struct sched_attr { size, policy, flags (64 bits), nice, priority, runtime, deadline, period, util_min, util_max }. */
const SCHED_ATTR_WORDS = 14;
const SCHED_FLAG_KEEP_ALL = 0x18;
const SCHED_FLAG_UTIL_CLAMP = 0x60;
const NO_CLAMP = 0xffff_ffff;
/** _LINUX_CAPABILITY_VERSION_3 (linux/capability.h): a header of two words, and two sets of three. */
export const CAPABILITY_HEADER = words([0x20080522, 0]);

/**
 * The system calls by which the launcher makes itself what a system service is, once, whoever started the supervisor and
 * however: its children inherit that. Each may fail: what the host forbids, doctor names (doctor/limits/attributes.ts).
 * Nobody can undo no_new_privs, seccomp, Landlock, MDWE, a core scheduling cookie and namespaces.
 * @param own the hard limits that apply, and the permitted capabilities, as 64 bits
 */
export function baselineCalls(
  architecture: Architecture,
  { hard, permitted }: { hard: (resource: Resource) => number; permitted: bigint },
): Call[] {
  const { call, write } = callsFor(architecture);
  const step: StepName = 'attributes';
  const optional = { mayFail: true };
  const prctl = (option: number, ...args: number[]) =>
    call(step, 'prctl', [option, ...args, 0, 0, 0, 0].slice(0, 5), optional);
  return [
    ...(Object.keys(RESOURCE) as Resource[]).map((name) =>
      call(step, 'prlimit64', [0, RESOURCE[name], limitPair(serviceLimit(name, hard(name))), 0], optional),
    ),
    // Policy, nice value and slice at once; where the nice value may not be lowered, the policy alone.
    call(step, 'sched_setattr', [0, schedAttributes(0, 0), 0], optional),
    call(step, 'sched_setscheduler', [0, 0, words([0])], optional),
    call(
      step,
      'sched_setattr',
      [0, schedAttributes(SCHED_FLAG_KEEP_ALL | SCHED_FLAG_UTIL_CLAMP, NO_CLAMP), 0],
      optional,
    ),
    call(step, 'ioprio_set', [IOPRIO_WHO_PROCESS, 0, 0], optional),
    call(step, 'sched_setaffinity', [0, ALL_PROCESSORS.length, ALL_PROCESSORS], optional),
    call(step, 'set_mempolicy', [0, 0, 0], optional),
    call(step, 'personality', [0], optional),
    prctl(PR.setTimerSlack, TIMER_SLACK_NS),
    prctl(PR.setThpDisable, 0),
    prctl(PR.setMemoryMerge, 0),
    prctl(PR.setIoFlusher, 0),
    prctl(PR.mceKill, 0),
    prctl(PR.setTsc, PR_TSC_ENABLE),
    prctl(PR.setSpeculation, PR_SPEC.storeBypass, PR_SPEC.enable),
    prctl(PR.setSpeculation, PR_SPEC.indirectBranch, PR_SPEC.enable),
    ...write(step, FIRST_FREE, '/proc/self/coredump_filter', COREDUMP_FILTER, optional),
    ...write(step, FIRST_FREE, '/proc/self/loginuid', NO_LOGIN, optional),
    call(step, 'keyctl', [KEYCTL_JOIN_SESSION_KEYRING, 0], optional),
    prctl(PR.capAmbient, PR_CAP_AMBIENT_CLEAR_ALL),
    // Its permitted ones stay: a spec may ask for them (process.capabilities). None is inherited.
    call(step, 'capset', [CAPABILITY_HEADER, capabilitySets(permitted, 0n)], optional),
    prctl(PR.setSecurebits, 0),
    // Answers the order: what follows a fork would be its child's.
    call(step, 'getpid', [], { forks: true }),
  ];
}

/** The lowest descriptor that the launcher has free (FD.first in calls.ts). */
const FIRST_FREE = 5;

/** The limits of a system service, as far as a hard limit allows. */
export function serviceLimit(name: Resource, hard: number): Limit {
  const soft = SOFT[name];
  return { soft: Math.min(soft === 'unlimited' ? Number.POSITIVE_INFINITY : soft, hard), hard };
}

/** This process's own hard limit, which the launcher inherits. */
export function ownHardLimit(name: Resource): number {
  return getLimit(name).hard;
}

/** Two struct __user_cap_data_struct: effective, permitted and inheritable, each the low words and then the high ones. */
export function capabilitySets(permitted: bigint, inheritable: bigint): Buffer {
  const half = (set: bigint, shift: bigint) => Number((set >> shift) & 0xffff_ffffn);
  return words(
    [0n, 32n].flatMap((shift) => [half(permitted, shift), half(permitted, shift), half(inheritable, shift)]),
  );
}

function schedAttributes(flags: number, clamp: number): Buffer {
  const size = SCHED_ATTR_WORDS * 4;
  const attributes = new Array<number>(SCHED_ATTR_WORDS).fill(0);
  attributes[0] = flags === 0 ? 48 : size;
  attributes[2] = flags;
  attributes[12] = clamp;
  attributes[13] = clamp;
  return words(attributes);
}
