import { writeFileSync } from 'node:fs';
import { libc } from '../sys/libc.ts';

const CLOCK_MONOTONIC = 1;
const SIGEV_SIGNAL = 0;
const SIGKILL = 9;
/** struct sigevent of 64-bit Linux: 64 bytes, sigev_signo at 8, sigev_notify at 12. */
const EVENT = { size: 64, signal: 8, notify: 12 } as const;

/**
 * A time at which the kernel ends this process, whatever its threads hang in and without any of them (timer_create(2)
 * with SIGKILL). Only a call that accepts no signal at all (state D) outlasts it. It is made in advance, because a timer
 * takes memory and one of RLIMIT_SIGPENDING; arming it takes nothing.
 */
export class Deadline {
  /** Null if the kernel had none left: then the end depends on the disk. */
  readonly #timer: bigint | null;

  constructor() {
    const event = Buffer.alloc(EVENT.size);
    event.writeInt32LE(SIGKILL, EVENT.signal);
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

/** Ends this process at once, by a signal that nothing can delay. */
export function endBySignal(): void {
  process.kill(process.pid, 'SIGKILL');
}

/** Writes to stderr, without a stream that would report a failure later. @throws if it cannot be written */
export function writeLastWords(text: string): void {
  writeFileSync(2, text);
}
