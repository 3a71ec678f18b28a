/** The address at which the launcher maps its script; every pointer in a script is absolute (x64.S, arm64.S). */
const BASE = 0x10000000;
/** Bytes of the head, which holds the launch's number, and of each step. */
const STEP = 64;
/** The size that the launcher maps. The kernel takes at most 6 MiB of words and environment (execve(2)). */
export const SCRIPT_BYTES_MAX = 16 * 1024 * 1024;

/** An argument of a system call: a number, a text (NUL is added), bytes, or a list of texts that NULL ends. */
export type Argument = number | string | Buffer | readonly string[];

/** One system call. */
export interface Call {
  /** Its number on this architecture. */
  number: number;
  arguments: readonly Argument[];
  /** Identifies the failed step in the report. */
  step: number;
  /** Whether the next call follows if it fails. */
  mayFail?: boolean;
}

/**
 * Turns calls into the script that the launcher carries out: a head, the calls, and behind them the data that they point
 * to.
 * @param launch the number in its report
 */
export function compileScript(launch: number, calls: readonly Call[]): Buffer {
  const data = new Data(STEP * (calls.length + 1));
  const head = Buffer.alloc(STEP * (calls.length + 1));
  head.writeBigUInt64LE(BigInt(launch), 0);
  for (const [i, call] of calls.entries()) {
    const at = STEP * (i + 1);
    writeWord(head, at, call.number);
    for (const [k, argument] of call.arguments.entries()) {
      writeWord(head, at + 8 * (k + 1), typeof argument === 'number' ? argument : data.add(argument));
    }
    head.writeUInt32LE(call.step, at + 56);
    head.writeUInt32LE(call.mayFail ? 1 : 0, at + 60);
  }
  return Buffer.concat([head, ...data.chunks]);
}

/** A word of 64 bits; a negative number (AT_FDCWD) as the kernel reads it. */
function writeWord(buffer: Buffer, at: number, value: number): void {
  buffer.writeBigInt64LE(BigInt(value), at);
}

/** The data that calls point to. */
class Data {
  readonly chunks: Buffer[] = [];
  #at: number;

  constructor(start: number) {
    this.#at = start;
  }

  /** @returns its address in the launcher */
  add(argument: Exclude<Argument, number>): number {
    if (Buffer.isBuffer(argument)) return this.#append(argument);
    if (typeof argument === 'string') return this.#append(Buffer.from(`${argument}\0`));
    return this.#addList(argument);
  }

  /** The texts in one piece, then the list of their addresses. */
  #addList(texts: readonly string[]): number {
    const list = Buffer.alloc(8 * (texts.length + 1));
    let address = BASE + this.#at;
    for (const [i, text] of texts.entries()) {
      writeWord(list, 8 * i, address);
      address += Buffer.byteLength(text) + 1;
    }
    this.#append(Buffer.from(texts.map((text) => `${text}\0`).join('')));
    return this.#append(list);
  }

  /** Each begins at a multiple of eight bytes, as structures must. */
  #append(chunk: Buffer): number {
    const address = BASE + this.#at;
    const padding = -chunk.length & 7;
    this.chunks.push(chunk, Buffer.alloc(padding));
    this.#at += chunk.length + padding;
    return address;
  }
}
