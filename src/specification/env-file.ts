import { isVariableName, VARIABLE_NAME } from './variables.ts';

/** What a file of variables says; or what is wrong with it, and the line where that begins, from 1. */
export type EnvFile = { variables: Record<string, string> } | { line: number; problem: string };

/** Thrown within this file. */
class Refusal extends Error {
  readonly line: number;

  constructor(line: number, problem: string) {
    super(problem);
    this.line = line;
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const NEWLINE = 0x0a;

/**
 * Reads variables as systemd reads EnvironmentFile= (systemd.exec(5)). Where systemd ignores a line that is none, a name
 * that can be none, or the end of a quotation that never comes, the file is refused. `export` before a name is accepted
 * as well. No problem names a value, or what could be one.
 */
export function parseEnvFile(bytes: Uint8Array): EnvFile {
  try {
    const variables = new Reading(decode(bytes)).variables();
    return { variables: Object.fromEntries(variables) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { line: error.line, problem: error.message };
  }
}

function decode(bytes: Uint8Array): string {
  const text = tryDecode(bytes);
  if (text !== null) return text;
  // No character of UTF-8 contains the byte of a newline, so that every line can be judged alone.
  let line = 1;
  for (let start = 0; ; line++) {
    const end = bytes.indexOf(NEWLINE, start);
    if (end < 0 || tryDecode(bytes.subarray(start, end)) === null) break;
    start = end + 1;
  }
  throw new Refusal(line, 'is not valid UTF-8');
}

function tryDecode(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** One pass over a text. Every method takes what it is named after from the place where the pass is. */
class Reading {
  readonly #text: string;
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  /** All variables; the last of a name counts. */
  variables(): Map<string, string> {
    const variables = new Map<string, string>();
    for (;;) {
      while (isSpace(this.#next) || isNewline(this.#next)) this.#take();
      const next = this.#next;
      if (next === '') return variables;
      if (next === '#' || next === ';') this.#comment();
      else variables.set(this.#name(), this.#value());
    }
  }

  /** A backslash at its end continues it on the next line. */
  #comment(): void {
    while (this.#next !== '' && !isNewline(this.#next)) {
      if (this.#take() === '\\') this.#take();
    }
  }

  #name(): string {
    const start = this.#at;
    const line = this.#line;
    let end = start;
    while (this.#next !== '' && this.#next !== '=' && !isNewline(this.#next)) {
      if (!isSpace(this.#take())) end = this.#at;
    }
    if (this.#next !== '=') throw new Refusal(line, 'is not NAME=value');
    const name = this.#text.slice(start, end).replace(/^export[ \t]+/, '');
    if (!isVariableName(name)) throw new Refusal(line, `needs ${VARIABLE_NAME} before the =`);
    this.#take();
    return name;
  }

  /** Quoted parts, with spaces between them left out; then an unquoted part, which goes on to the end of the line. */
  #value(): string {
    const line = this.#line;
    let value = '';
    for (;;) {
      while (isSpace(this.#next)) this.#take();
      const next = this.#next;
      if (next === "'") value += this.#single();
      else if (next === '"') value += this.#double();
      else {
        if (next !== '' && !isNewline(next)) value += this.#plain();
        if (value.includes('\0')) throw new Refusal(line, 'contains a NUL byte');
        return value;
      }
    }
  }

  /** Between single quotes, everything stands for itself. */
  #single(): string {
    const line = this.#line;
    this.#take();
    const start = this.#at;
    while (this.#next !== "'") this.#takeQuoted(line, "'");
    const value = this.#text.slice(start, this.#at);
    this.#take();
    return value;
  }

  /** Between double quotes, a backslash takes away the meaning of what has one, and the end of its line; else it stays. */
  #double(): string {
    const line = this.#line;
    this.#take();
    let value = '';
    while (this.#next !== '"') {
      const character = this.#takeQuoted(line, '"');
      if (character !== '\\') value += character;
      else {
        const escaped = this.#takeQuoted(line, '"');
        if ('"\\`$'.includes(escaped)) value += escaped;
        else if (escaped !== '\n') value += `\\${escaped}`;
      }
    }
    this.#take();
    return value;
  }

  /** Without quotes, a backslash takes away any meaning, and the end of its line; spaces at the end do not count. */
  #plain(): string {
    let value = '';
    let length = 0;
    while (this.#next !== '' && !isNewline(this.#next)) {
      const character = this.#take();
      if (character === '\\') {
        if (isNewline(this.#next)) this.#take();
        else value += this.#take();
        length = value.length;
      } else {
        value += character;
        if (!isSpace(character)) length = value.length;
      }
    }
    return value.slice(0, length);
  }

  /** The next character; empty at the end. */
  get #next(): string {
    return this.#text.charAt(this.#at);
  }

  #take(): string {
    const character = this.#next;
    this.#at++;
    if (character === '\n') this.#line++;
    return character;
  }

  /** @param line where the quotation begins */
  #takeQuoted(line: number, quote: string): string {
    if (this.#next === '') throw new Refusal(line, `opens a quotation (${quote}) that is not closed`);
    return this.#take();
  }
}

function isSpace(character: string): boolean {
  return character === ' ' || character === '\t';
}

/** A carriage return ends a line as well. */
function isNewline(character: string): boolean {
  return character === '\n' || character === '\r';
}
