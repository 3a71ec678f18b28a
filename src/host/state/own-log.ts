import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  renameSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';

/** The maximum size of the log, and of the one before it (`.1`). */
const BYTES_MAX = 4 * 1024 * 1024;

/** An open log: the file at its path, until it is moved away. */
interface Open {
  fd: number;
  device: number;
  inode: number;
  bytes: number;
}

/**
 * The supervisor's own log, as pino writes to it. A log that cannot be written has no consequences: no call throws or
 * waits for a later one; what the disk refuses is dropped and counted, and the count is the first line that it accepts
 * again. A full log is kept as `.1`; one that was moved away is started again.
 */
export class OwnLog {
  readonly #path: string;
  readonly #bytesMax: number;
  #open: Open | null = null;
  #dropped = 0;
  /** Why the latest line was dropped: an errno. */
  #why = '';

  constructor(path: string, bytesMax = BYTES_MAX) {
    this.#path = path;
    this.#bytesMax = bytesMax;
  }

  /** Appends one line, or drops and counts it. */
  write(line: string): void {
    try {
      const log = this.#ready();
      this.#append(log, this.#dropped > 0 ? this.#gap() + line : line);
      this.#dropped = 0;
    } catch (error) {
      this.#dropped++;
      this.#why = (error as NodeJS.ErrnoException).code ?? String(error);
    }
  }

  /** The log to write to: the one at the path, with room left. */
  #ready(): Open {
    const found = statSync(this.#path, { throwIfNoEntry: false });
    if (this.#open && !isSame(this.#open, found)) this.#close();
    const isFull = (this.#open?.bytes ?? found?.size ?? 0) >= this.#bytesMax;
    if (isFull) {
      this.#close();
      renameSync(this.#path, `${this.#path}.1`);
    }
    this.#open ??= openLog(this.#path);
    return this.#open;
  }

  /** Appends all of a text or nothing: half a line would spoil the next one. */
  #append(log: Open, text: string): void {
    const bytes = Buffer.from(text);
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(log.fd, bytes, written);
      log.bytes += written;
    } catch (error) {
      if (written > 0) ftruncateSync(log.fd, log.bytes);
      throw error;
    }
  }

  #gap(): string {
    const lines = this.#dropped === 1 ? '1 line' : `${this.#dropped} lines`;
    return `${JSON.stringify({ level: 40, time: Date.now(), msg: `${lines} could not be written here: ${this.#why}` })}\n`;
  }

  #close(): void {
    const fd = this.#open?.fd;
    this.#open = null;
    if (fd !== undefined) closeSync(fd);
  }
}

function openLog(path: string): Open {
  const fd = openSync(path, 'a', 0o600);
  try {
    const { dev, ino, size } = fstatSync(fd);
    return { fd, device: dev, inode: ino, bytes: size };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function isSame({ device, inode }: Open, found: Stats | undefined): boolean {
  return found?.dev === device && found.ino === inode;
}
