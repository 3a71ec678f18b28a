import { randomInt } from 'node:crypto';
import { constants, readSync } from 'node:fs';
import { check, libc, type SystemCallError } from '../sys/libc.ts';
import { closeFd } from '../sys/pidfd.ts';
import { openPipe } from '../sys/pipe.ts';
import { failureIn } from './answer.ts';
import { raised } from './memory-file.ts';

const F_SETFL = 4;
/** The first half of an order's head: less than PIPE_BUF, so that none is torn (pipe(7)). */
const REPORT_BYTES = 32;
const REPORTS_PER_READ = 128;
/** The range of randomInt(). */
const LAUNCHES = 2 ** 48 - 1;

/**
 * The reports of launches: which step has failed, and why. One pipe serves all of them; the program itself has no end of
 * it, because it closes with execve.
 */
export class Reports {
  /** The descriptor that launches write to. */
  readonly fd: number;
  readonly #readFd: number;
  /** The launches whose reports are accepted, with their failures. */
  readonly #expected = new Map<number, SystemCallError | null>();
  readonly #buffer = Buffer.alloc(REPORT_BYTES * REPORTS_PER_READ);

  constructor() {
    const { read, write } = openPipe();
    this.#readFd = read;
    this.fd = raised(write);
    // Neither side waits: a full pipe costs only the reason of a failure.
    for (const fd of [this.#readFd, this.fd]) check('fcntl', libc.fcntl(fd, F_SETFL, constants.O_NONBLOCK));
  }

  /** A number for a launch that cannot be guessed, so that a process with access to the pipe can forge no report. */
  expect(): number {
    const launch = randomInt(LAUNCHES);
    this.#expected.set(launch, null);
    return launch;
  }

  /**
   * Why a launch that has ended failed; null if it did not. Valid once.
   * @param mayHaveFailed whether it ended as a launch that fails does: only then is the pipe read
   */
  take(launch: number, mayHaveFailed: boolean): SystemCallError | null {
    if (mayHaveFailed) this.#drain();
    const failure = this.#expected.get(launch) ?? null;
    this.#expected.delete(launch);
    return failure;
  }

  #drain(): void {
    for (;;) {
      const length = this.#read();
      for (let at = 0; at < length; at += REPORT_BYTES) {
        const launch = Number(this.#buffer.readBigUInt64LE(at));
        if (this.#expected.has(launch)) this.#expected.set(launch, failureIn(this.#buffer, at));
      }
      if (length < this.#buffer.length) return;
    }
  }

  #read(): number {
    try {
      return readSync(this.#readFd, this.#buffer, 0, this.#buffer.length, null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
      throw error;
    }
  }

  close(): void {
    closeFd(this.#readFd);
    closeFd(this.fd);
  }
}
