import { randomInt } from 'node:crypto';
import { constants, readSync } from 'node:fs';
import { check, libc, type SystemCallError } from '../sys/libc.ts';
import { closeFd, type ProcessExit } from '../sys/pidfd.ts';
import { openPipe } from '../sys/pipe.ts';
import { failureIn, pidIn } from './answer.ts';
import { raised } from './memory-file.ts';

const F_SETFL = 4;
/** The first half of an order's head: less than PIPE_BUF, so that none is torn (pipe(7)). */
const REPORT_BYTES = 32;
const REPORTS_PER_READ = 128;
/** The exit code of a child that could not carry out its order (x64.S). */
const LAUNCH_FAILED = 127;
/** The range of randomInt(). */
const LAUNCHES = 2 ** 48 - 1;

/** What a launch has reported so far. */
interface Expected {
  /** It goes through a wrapper, whose exit is not the program's until `entered`. */
  isWrapped: boolean;
  entered: boolean;
  failure: SystemCallError | null;
}

/** A launch that has come through its wrapper. */
export interface Entry {
  launch: number;
  /** The process that becomes the program. */
  pid: number;
}

/**
 * The reports of launches: which step has failed, and why; of those with a wrapper also which process becomes the
 * program. One pipe serves all of them; the program itself has no end of it, because it closes with execve.
 */
export class Reports {
  /** The descriptor that launches write to. */
  readonly fd: number;
  /** Called when there are entries to take, in a turn of its own. */
  onEntries: () => void = () => {};
  /** The descriptor that becomes readable when there are reports. */
  readonly readFd: number;
  /** The launches whose reports are accepted. */
  readonly #expected = new Map<number, Expected>();
  /** Entries that nobody has taken yet. */
  #entries: Entry[] = [];
  readonly #buffer = Buffer.alloc(REPORT_BYTES * REPORTS_PER_READ);

  constructor() {
    const { read, write } = openPipe();
    this.readFd = raised(read);
    this.fd = raised(write);
    // Neither side waits: a full pipe costs only the reason of a failure.
    for (const fd of [this.readFd, this.fd]) check('fcntl', libc.fcntl(fd, F_SETFL, constants.O_NONBLOCK));
  }

  /** A number for a launch that cannot be guessed, so that a process with access to the pipe can forge no report. */
  expect(isWrapped: boolean): number {
    const launch = randomInt(LAUNCHES);
    this.#expected.set(launch, { isWrapped, entered: false, failure: null });
    return launch;
  }

  /** The launches that have come through their wrappers since the last call. */
  takeEntries(): Entry[] {
    this.drain();
    const entries = this.#entries;
    this.#entries = [];
    return entries;
  }

  /** Reads what has been reported, so that the pipe has room. */
  drain(): void {
    for (;;) {
      const length = this.#read();
      for (let at = 0; at < length; at += REPORT_BYTES) this.#note(at);
      if (length < this.#buffer.length) return;
    }
  }

  /**
   * Why a launch that has ended failed; null if it did not. Valid once.
   * @param exit how it ended; null if that is unknown, or it was not started
   */
  take(launch: number, exit: ProcessExit | null): Error | null {
    const expected = this.#expected.get(launch);
    if (!expected) return null;
    // Only a launch that has failed, or goes through a wrapper, can have a report.
    if (exit?.code === LAUNCH_FAILED || expected.isWrapped) this.drain();
    this.#expected.delete(launch);
    const { failure, isWrapped, entered } = expected;
    if (failure !== null || !isWrapped || entered || exit === null || exit.code === null) return failure;
    return new Error(`sandbox: bubblewrap exited ${exit.code} before the program; its output says why`);
  }

  #note(at: number): void {
    const launch = Number(this.#buffer.readBigUInt64LE(at));
    const expected = this.#expected.get(launch);
    if (!expected) return;
    const pid = pidIn(this.#buffer, at);
    if (pid === null) expected.failure = failureIn(this.#buffer, at);
    else {
      expected.entered = true;
      this.#entries.push({ launch, pid });
      if (this.#entries.length === 1) setImmediate(() => this.#tell());
    }
  }

  /** Whoever waits for entries is told of them, whatever they were read for. */
  #tell(): void {
    if (this.#entries.length > 0) this.onEntries();
  }

  #read(): number {
    try {
      return readSync(this.readFd, this.#buffer, 0, this.#buffer.length, null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
      throw error;
    }
  }

  close(): void {
    closeFd(this.readFd);
    closeFd(this.fd);
  }
}
