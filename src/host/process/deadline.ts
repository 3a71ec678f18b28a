import { writeFileSync } from 'node:fs';
import { IS_INIT } from '../sys/init.ts';
import { addressOf, check, libc } from '../sys/libc.ts';

const CLOCK_MONOTONIC = 1;
const SIGEV_SIGNAL = 0;
const SIGKILL = 9;
const SIGALRM = 14;
/** struct sigevent of 64-bit Linux: 64 bytes, sigev_signo at 8, sigev_notify at 12. */
const EVENT = { size: 64, signal: 8, notify: 12 } as const;
/** More than struct sigaction of glibc; sa_handler at 0. */
const ACTION_SIZE = 256;
/** The exit code of a process that SIGKILL has ended, as shells report it. */
const KILLED = 137;

/**
 * A time at which the kernel ends this process, whatever its threads hang in and without any of them (timer_create(2)
 * with SIGKILL). Only a call that accepts no signal at all (state D) outlasts it. It is made in advance, because a timer
 * takes memory and one of RLIMIT_SIGPENDING; arming it takes nothing.
 *
 * PID 1 ignores a SIGKILL that comes from inside. It has SIGALRM call _exit(2) instead, which takes the number of the
 * signal for the exit code; a thread that sleeps in a disk's reads does not notice that.
 */
export class Deadline {
  /** Null if the kernel had none left: then the end depends on the disk. */
  readonly #timer: bigint | null;

  constructor() {
    const event = Buffer.alloc(EVENT.size);
    event.writeInt32LE(IS_INIT ? exitingSignal() : SIGKILL, EVENT.signal);
    event.writeInt32LE(SIGEV_SIGNAL, EVENT.notify);
    const timer = Buffer.alloc(8);
    const isMade = libc.timerCreate(CLOCK_MONOTONIC, event, timer) === 0;
    this.#timer = isMade ? timer.readBigUInt64LE() : null;
  }

  /** Lets the process live for this many milliseconds from now, whatever was set before. Cannot fail. */
  arm(ms: number): void {
    if (this.#timer === null) return;
    // struct itimerspec: the interval, then the time until the first and only signal, each in seconds and nanoseconds.
    const seconds = Math.floor(ms / 1_000);
    const value = new BigInt64Array([0n, 0n, BigInt(seconds), BigInt((ms - seconds * 1_000) * 1e6)]);
    libc.timerSet(this.#timer, 0, value, null);
  }
}

/**
 * Ends this process at once (_exit(2)). process.exit() would join libuv's threads first (uv_library_shutdown), and one of
 * them waits in epoll for an agent to end: the process would stay, hold its lock, and answer nothing.
 */
export function exitNow(code: number): never {
  libc.exit(code);
  throw new Error('_exit(2) returned');
}

/** Ends this process at once, by a signal that nothing can delay; PID 1, which would ignore it, with that exit code. */
export function endBySignal(): void {
  if (IS_INIT) exitNow(KILLED);
  process.kill(process.pid, 'SIGKILL');
}

/** A signal that ends this process without any of its code. */
function exitingSignal(): number {
  const action = Buffer.alloc(ACTION_SIZE);
  action.writeBigUInt64LE(addressOf('_exit'), 0);
  check('sigaction', libc.sigaction(SIGALRM, action, null));
  return SIGALRM;
}

/** Writes to stderr, without a stream that would report a failure later. @throws if it cannot be written */
export function writeLastWords(text: string): void {
  writeFileSync(2, text);
}
