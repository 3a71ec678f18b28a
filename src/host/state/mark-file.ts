import { closeSync, constants, existsSync, openSync, readSync, writeSync } from 'node:fs';

const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;

/**
 * One bit that even a full disk can store: the byte exists from the start, and is written in place. A file that cannot be
 * made, or written, has no consequences.
 */
export class MarkFile {
  readonly #fd: number | null;
  #isSet: boolean;

  /** Reads the mark of an earlier process; a new file is not set, and one without its byte is. */
  constructor(path: string) {
    this.#fd = open(path);
    this.#isSet = this.#fd !== null && read(this.#fd) !== '0';
  }

  get isSet(): boolean {
    return this.#isSet;
  }

  set(isSet: boolean): void {
    if (isSet === this.#isSet || this.#fd === null) return;
    if (tryToWrite(this.#fd, isSet ? '1' : '0')) this.#isSet = isSet;
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
  }
}

function open(path: string): number | null {
  try {
    const isThere = existsSync(path);
    const fd = openSync(path, FLAGS, 0o600);
    if (!isThere) tryToWrite(fd, '0');
    return fd;
  } catch {
    return null;
  }
}

function tryToWrite(fd: number, byte: string): boolean {
  try {
    return writeSync(fd, byte, 0) === 1;
  } catch {
    return false;
  }
}

function read(fd: number): string {
  const byte = Buffer.alloc(1);
  return readSync(fd, byte, 0, 1, 0) === 1 ? byte.toString('latin1') : '';
}
