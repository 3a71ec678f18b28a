import { libc } from '../sys/libc.ts';

/** The addresses of the launcher (x64.S, arm64.S): orders, whose pointers are absolute, and the page that it shares. */
const BASE = 0x10000000;
export const TABLE = 0x20000000;
/** Bytes of an order's head, and of each step. */
export const STEP_BYTES = 64;
/** The room for an order. The kernel takes at most 6 MiB of words and environment (execve(2)). */
export const ORDER_BYTES_MAX = 16 * 1024 * 1024;
const PAGE = libc.getpagesize();
const FLAG = { mayFail: 1, forks: 2 } as const;
const WORD_HIGH = 2 ** 32;

/** An argument of a system call: a number, a text (NUL is added), bytes, or a list of texts that NULL ends. */
export type Argument = number | string | Buffer | readonly string[];

/** One system call. */
export interface Call {
  /** Its number on this architecture. */
  number: number;
  /** `tail`: the address and the length of what lies behind the order in the launcher's memory. */
  arguments: readonly Argument[] | 'tail';
  /** Identifies the failed step in the report. */
  step: number;
  /** Whether the next call follows if it fails. */
  mayFail?: boolean;
  /** Whether it forks: the calls that follow are the child's. */
  forks?: boolean;
}

/**
 * Turns calls into an order for the launcher: a head, the calls, behind them the data that they point to, and zeros to
 * the end of the page, so that nothing of an earlier order is left on a page of this one.
 * @param launch the number in the head, which the answer and the report have too
 * @returns the order, valid until the next one is compiled; null if the launcher has no room for it
 */
export function compileOrder(launch: number, calls: readonly Call[]): Buffer | null {
  writer.begin(STEP_BYTES * (calls.length + 1));
  for (const [i, call] of calls.entries()) {
    const at = STEP_BYTES * (i + 1);
    writer.word(at, call.number);
    writer.half(at + 56, call.step);
    writer.half(at + 60, (call.mayFail ? FLAG.mayFail : 0) | (call.forks ? FLAG.forks : 0));
    if (call.arguments === 'tail') continue;
    for (const [k, argument] of call.arguments.entries()) {
      writer.word(at + 8 * (k + 1), typeof argument === 'number' ? argument : writer.add(argument));
    }
  }
  const length = writer.end();
  if (length > ORDER_BYTES_MAX) return null;
  for (const [i, call] of calls.entries()) {
    if (call.arguments !== 'tail') continue;
    writer.word(STEP_BYTES * (i + 1) + 8, BASE + length);
    writer.word(STEP_BYTES * (i + 1) + 16, ORDER_BYTES_MAX - length);
  }
  writer.word(0, launch);
  writer.word(8, length - STEP_BYTES);
  return writer.written(length);
}

/** Writes orders into one buffer, which grows to the largest of them. */
class Writer {
  #buffer = Buffer.alloc(8 * 1024);
  #end = 0;

  /** @param bytes of the head and the steps, which data follow */
  begin(bytes: number): void {
    this.#end = 0;
    this.#take(bytes);
  }

  /** A word of 64 bits; a negative number (AT_FDCWD) as the kernel reads it. */
  word(at: number, value: number): void {
    this.#buffer.writeInt32LE(value | 0, at);
    this.#buffer.writeInt32LE(Math.floor(value / WORD_HIGH), at + 4);
  }

  half(at: number, value: number): void {
    this.#buffer.writeUInt32LE(value, at);
  }

  /** @returns the address in the launcher */
  add(argument: Exclude<Argument, number>): number {
    if (typeof argument === 'string') return BASE + this.#text(argument);
    if (Buffer.isBuffer(argument)) {
      const at = this.#take(argument.length);
      argument.copy(this.#buffer, at);
      return BASE + at;
    }
    const list = this.#take(8 * (argument.length + 1));
    for (const [i, text] of argument.entries()) this.word(list + 8 * i, BASE + this.#text(text));
    return BASE + list;
  }

  /** Ends the order at the end of a page. @returns its length */
  end(): number {
    this.#take(-this.#end & (PAGE - 1));
    return this.#end;
  }

  written(length: number): Buffer {
    return this.#buffer.subarray(0, length);
  }

  #text(text: string): number {
    // UTF-8 takes at most three bytes for a unit of UTF-16.
    const at = this.#take(3 * text.length + 1);
    const length = this.#buffer.write(text, at);
    this.#end = at + aligned(length + 1);
    return at;
  }

  /** Takes zeroed bytes from the end, at a multiple of eight, as structures must be. */
  #take(bytes: number): number {
    const at = this.#end;
    this.#end += aligned(bytes);
    while (this.#end > this.#buffer.length)
      this.#buffer = Buffer.concat([this.#buffer], 2 * this.#buffer.length);
    this.#buffer.fill(0, at, this.#end);
    return at;
  }
}

const writer = new Writer();

function aligned(bytes: number): number {
  return bytes + (-bytes & 7);
}
