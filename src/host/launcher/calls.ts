import { constants } from 'node:fs';
import type { LimitName } from '../../specification/spec.ts';
import { limitPair, RESOURCE } from '../sys/rlimit.ts';
import { CAPABILITY_HEADER, capabilitySets } from './baseline.ts';
import type { Architecture } from './image.ts';
import type { Launch, User } from './launch.ts';
import { type Call, TABLE } from './script.ts';
import { AT_FDCWD, type Calls, callsFor, words } from './system-calls.ts';

/**
 * The descriptors of the launcher besides 0 to 2, which are /dev/null: reports, orders, the shared page until it is
 * mapped; the first free one, which is the handed output's if there is one. What a wrapper executes has its order in the
 * place of the socket, and its own image in that of the page.
 */
export const FD = { report: 3, orders: 4, table: 5, first: 5, image: 5 } as const;
/** The child closes the socket of orders before it opens anything of its own, which so gets this number. */
const OWN = FD.orders;
/** open(2): a place in the file system, not its content; closed on exec. The same on x86-64 and arm64. */
const O_PATH_CLOEXEC = 0o10000000 | 0o2000000;
const OUTPUT_MODE = 0o640;
const OUTPUT_FLAGS =
  constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NOCTTY;
const PR = { setKeepCaps: 8, capbsetDrop: 24, setNoNewPrivs: 38, capAmbient: 47 } as const;
const PR_CAP_AMBIENT_RAISE = 2;
const KEYCTL_JOIN_SESSION_KEYRING = 1;
const PRIO_PROCESS = 0;
const IOPRIO_WHO_PROCESS = 1;
/** Capabilities have numbers below this one (linux/capability.h); the kernel refuses those that it does not know. */
const CAPABILITIES_MAX = 64;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
/**
 * clone(2): a child of the supervisor, not of the launcher; its pid is in the shared page before its first instruction;
 * born in a cgroup (clone3 only, Linux 5.7).
 */
const CLONE = { parent: 0x8000, parentSetTid: 0x100000, intoCgroup: 0x2_0000_0000 } as const;
/** struct clone_args, 88 bytes since Linux 5.7: its flags, where the child's pid goes, and the cgroup's descriptor. */
const CLONE_ARGS = { size: 88, flags: 0, parentTid: 24, cgroup: 80 } as const;

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
  const calls = callsFor(architecture);
  return [
    ...forkCalls(launch, calls, bornInCgroup),
    ...outputCalls(launch, calls),
    ...becomeCalls(launch, calls),
  ];
}

/**
 * The system calls that lead from the launcher to a wrapper. Its environment is empty; the order for what it executes is a
 * file in memory, so that nothing of the agent's shows in the words of a process that others can read.
 * @param order that of insideCalls
 */
export function wrapperCalls(
  launch: Launch,
  order: Buffer,
  { architecture, bornInCgroup }: Abilities,
): Call[] {
  const calls = callsFor(architecture);
  const { call } = calls;
  const { path, argv } = launch.wrapper!;
  return [
    ...forkCalls(launch, calls, bornInCgroup),
    // It runs next to the agent, like an errand.
    ...outputCalls({ ...launch, isErrand: true }, calls),
    call('sandbox', 'memfd_create', ['fleetd-order', 0]),
    call('sandbox', 'write', [FD.orders, order, order.length]),
    call('sandbox', 'openat', [AT_FDCWD, '/proc/self/exe', constants.O_RDONLY]),
    call('sandbox', 'execve', [path, argv, []]),
  ];
}

/** The system calls that lead from what a wrapper executes to the program. */
export function insideCalls(launch: Launch, architecture: Architecture): Call[] {
  const calls = callsFor(architecture);
  const { call } = calls;
  return [
    call('close', 'close', [FD.orders]),
    call('close', 'close', [FD.image]),
    ...(launch.isErrand
      ? []
      : [
          call('setsid', 'setsid', []),
          call('output', 'close', [0]),
          call('output', 'openat', [AT_FDCWD, '/dev/null', constants.O_RDONLY]),
        ]),
    ...becomeCalls(launch, calls),
  ];
}

/** In the launcher the fork, in the child's cgroup if that can be; then in its child, up to its session. */
function forkCalls(launch: Launch, { call, write }: Calls, bornInCgroup: boolean): Call[] {
  const { cgroup, output } = launch;
  /** The descriptor after a handed output's. */
  const next = 'fd' in output ? FD.first + 1 : FD.first;
  return [
    ...(cgroup !== undefined && bornInCgroup
      ? [
          call('cgroup', 'openat', [AT_FDCWD, cgroup, O_PATH_CLOEXEC | constants.O_DIRECTORY]),
          call('fork', 'clone3', [cloneArguments(next), CLONE_ARGS.size], { forks: true }),
        ]
      : [call('fork', 'clone', [CLONE.parent | CLONE.parentSetTid, 0, TABLE], { forks: true })]),
    ...(cgroup !== undefined && !bornInCgroup ? write('cgroup', next, `${cgroup}/cgroup.procs`, '0') : []),
    call('setsid', 'setsid', []),
  ];
}

/** Its descriptors 0 to 2; the launcher's own are closed, except that for reports. */
function outputCalls({ output, user, isErrand }: Launch, { call }: Calls): Call[] {
  const optional = { mayFail: true };
  /** Opens a file as a descriptor. */
  const open = (fd: number, file: string) => [
    call('output', 'close', [fd]),
    call('output', 'openat', [AT_FDCWD, file, OUTPUT_FLAGS, OUTPUT_MODE]),
  ];
  /** Makes a log the user's: opening /dev/stdout or /dev/stderr again opens the file again (proc_pid_fd(5)). */
  const openLog = (fd: number, log: string) => [
    ...open(fd, log),
    // A file system without owners refuses; then only that second opening is refused as well.
    ...(user ? [call('output', 'fchown', [fd, user.uid, user.gid], optional)] : []),
  ];
  return [
    ...(isErrand
      ? [
          call('output', 'close', [0]),
          call('output', 'openat', [AT_FDCWD, '/dev/null', constants.O_RDONLY | constants.O_APPEND]),
        ]
      : []),
    ...('fd' in output
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
  ];
}

/** From a process with its output to the program: attributes, user, and only then what is the spec's. */
function becomeCalls(launch: Launch, calls: Calls): Call[] {
  const { call } = calls;
  const { path, argv, env, cwd, user, capabilities } = launch;
  return [
    call('close', 'fcntl', [FD.report, F_SETFD, FD_CLOEXEC]),
    ...attributeCalls(launch, calls),
    ...(capabilities ? keepCalls(capabilities, calls) : []),
    ...(user ? userCalls(user, cwd, capabilities === undefined, calls) : []),
    ...(capabilities ? ambientCalls(capabilities, calls) : []),
    user ? call('chdir', 'fchdir', [OWN]) : call('chdir', 'chdir', [cwd]),
    call('execve', 'execve', [path, argv, env]),
  ];
}

/** The change of the user. @param isPowerless whether it keeps no capability */
function userCalls({ uid, gid, groups }: User, cwd: string, isPowerless: boolean, { call }: Calls): Call[] {
  // Root with other groups is still root.
  const isRoot = uid === 0;
  return [
    // What the launcher still has of other launches is nothing that this user may ever see.
    call('close', 'munmap', 'tail'),
    // Only root may reach the directory. It becomes the working directory after the change of user, who must have access.
    call('chdir', 'openat', [AT_FDCWD, cwd, O_PATH_CLOEXEC | constants.O_DIRECTORY]),
    // Tenants must not share one: whoever inherits a keyring possesses it.
    call('keyring', 'keyctl', [KEYCTL_JOIN_SESSION_KEYRING, 0], { mayFail: true }),
    // As root: if fs.suid_dumpable is 1, others may trace the new user's process from the change on.
    ...(isRoot ? [] : [call('no_new_privs', 'prctl', [PR.setNoNewPrivs, 1, 0, 0, 0])]),
    call('setgroups', 'setgroups', [groups.length, words(groups)]),
    call('setresgid', 'setresgid', [gid, gid, gid]),
    call('setresuid', 'setresuid', [uid, uid, uid]),
    // Inheritable ones survive the change of the user (capabilities(7)).
    ...(isPowerless && !isRoot ? [call('capset', 'capset', [CAPABILITY_HEADER, NO_CAPABILITIES])] : []),
  ];
}

/** What differs from the launcher. Still as the supervisor's user: root may exceed what it has inherited. */
function attributeCalls(launch: Launch, { call, write }: Calls): Call[] {
  const { umask, oomScoreAdj, limits, nice, ioPriority, cpus } = launch;
  return [
    ...(umask === undefined ? [] : [call('umask', 'umask', [umask])]),
    // A container may forbid it; the agent is then killed as late as the supervisor when memory runs out.
    ...(oomScoreAdj === undefined
      ? []
      : write('oom_score_adj', OWN, '/proc/self/oom_score_adj', String(oomScoreAdj), { mayFail: true })),
    ...(nice === undefined ? [] : [call('process.nice', 'setpriority', [PRIO_PROCESS, 0, nice])]),
    ...(ioPriority === undefined
      ? []
      : [call('process.ionice', 'ioprio_set', [IOPRIO_WHO_PROCESS, 0, ioPriority])]),
    ...(cpus === undefined ? [] : [affinityCall(cpus, call)]),
    ...Object.entries(limits ?? {}).map(([name, limit]) =>
      call(name === 'nofile' ? name : `limits.${name as LimitName}`, 'prlimit64', [
        0,
        RESOURCE[name as LimitName],
        limitPair(limit),
        0,
      ]),
    ),
  ];
}

function affinityCall(cpus: ReadonlySet<number>, call: Calls['call']): Call {
  const mask = Buffer.alloc(8 * (Math.floor(Math.max(...cpus) / 64) + 1));
  for (const cpu of cpus) mask[cpu >> 3]! |= 1 << (cpu & 7);
  return call('process.cpus', 'sched_setaffinity', [0, mask.length, mask]);
}

/** The capabilities survive the change of the user; none besides them can ever be had again. */
function keepCalls(capabilities: readonly number[], { call }: Calls): Call[] {
  const kept = new Set(capabilities);
  const others = Array.from({ length: CAPABILITIES_MAX }, (_, number) => number).filter(
    (number) => !kept.has(number),
  );
  return [
    ...others.map((number) =>
      // Only root may; an ordinary user has no_new_privs or no use for it.
      call('process.capabilities', 'prctl', [PR.capbsetDrop, number, 0, 0, 0], { mayFail: true }),
    ),
    call('process.capabilities', 'prctl', [PR.setKeepCaps, 1, 0, 0, 0]),
  ];
}

/** Ambient capabilities are those that a program without any of its own gets: capabilities(7). */
function ambientCalls(capabilities: readonly number[], { call }: Calls): Call[] {
  const set = capabilities.reduce((bits, number) => bits | (1n << BigInt(number)), 0n);
  return [
    call('process.capabilities', 'capset', [CAPABILITY_HEADER, capabilitySets(set, set)]),
    ...capabilities.map((number) =>
      call('process.capabilities', 'prctl', [PR.capAmbient, PR_CAP_AMBIENT_RAISE, number, 0, 0]),
    ),
  ];
}

const NO_CAPABILITIES = capabilitySets(0n, 0n);

/** @param cgroup the descriptor of the cgroup's directory */
function cloneArguments(cgroup: number): Buffer {
  const buffer = Buffer.alloc(CLONE_ARGS.size);
  const flags = CLONE.parent + CLONE.parentSetTid + CLONE.intoCgroup;
  buffer.writeBigUInt64LE(BigInt(flags), CLONE_ARGS.flags);
  buffer.writeUInt32LE(TABLE, CLONE_ARGS.parentTid);
  buffer.writeUInt32LE(cgroup, CLONE_ARGS.cgroup);
  return buffer;
}
