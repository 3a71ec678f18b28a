import { closeSync, constants, readSync } from 'node:fs';
import { check, libc, SystemCallError } from '../libc.ts';
import { openPipe } from '../pipe.ts';
import { STEPS } from './calls.ts';
import { raised } from './memory-file.ts';

const F_SETFL = 4;
/** The launch's number (8 bytes), the step and its errno (4 each): less than PIPE_BUF, so that none is torn (pipe(7)). */
const REPORT_BYTES = 16;
const REPORTS_PER_READ = 256;

/**
 * What launchers report: which step of which launch has failed, and why. One pipe serves all of them; whoever runs in
 * the end has no end of it, since it closes with execve.
 */
export class Reports {
  /** Where launchers write. */
  readonly fd: number;
  readonly #readFd: number;
  readonly #failures = new Map<number, SystemCallError>();
  readonly #buffer = Buffer.alloc(REPORT_BYTES * REPORTS_PER_READ);

  constructor() {
    const { read, write } = openPipe();
    this.#readFd = read;
    this.fd = raised(write);
    check('fcntl', libc.fcntl(this.#readFd, F_SETFL, constants.O_NONBLOCK));
  }

  /** Why a launch that has ended was none; null where it was. Asked once. */
  take(launch: number): SystemCallError | null {
    this.#drain();
    const failure = this.#failures.get(launch) ?? null;
    this.#failures.delete(launch);
    return failure;
  }

  #drain(): void {
    for (;;) {
      const length = this.#read();
      for (let at = 0; at < length; at += REPORT_BYTES) {
        const launch = Number(this.#buffer.readBigUInt64LE(at));
        const step = STEPS[this.#buffer.readUInt32LE(at + 8)] ?? 'launch';
        this.#failures.set(launch, new SystemCallError(step, this.#buffer.readUInt32LE(at + 12)));
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
    closeSync(this.#readFd);
    closeSync(this.fd);
  }
}
