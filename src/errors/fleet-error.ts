import { ERRORS, type ErrorCode, type ErrorEntry, type MessageName, type ValuesOf } from './table.ts';

/** An error as the API sends it and --json prints it. */
export interface ErrorDocument {
  code: string;
  message: string;
  hint: string;
  exitCode: number;
  retryable: boolean;
}

interface Options {
  /** What to do, instead of the default hint. */
  hint?: string;
  cause?: unknown;
}

/**
 * The one error class. `message` says what, where and why: a clause that begins in lower case and has no final period.
 * `hint` says what to do, in whole sentences; an empty hint prints nothing. Exit code and `retryable` come from the
 * table.
 */
export class FleetError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;

  constructor(code: ErrorCode, message: string, options: Options = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'FleetError';
    this.code = code;
    this.hint = options.hint ?? ERRORS[code].hint;
  }

  /** An error with a message of the table: `FleetError.of('UNKNOWN.fleet', { fleet })`. */
  static of<N extends MessageName>(name: N, values: ValuesOf<N>, options: Options = {}): FleetError {
    const [code, key] = name.split('.') as [ErrorCode, string];
    const entry: ErrorEntry = ERRORS[code];
    const message = entry.messages![key]!;
    const { text, hint } = typeof message === 'string' ? { text: message, hint: entry.hint } : message;
    const filled = text.replaceAll(/\{(\w+)\}/g, (_, value: keyof ValuesOf<N>) => String(values[value]));
    return new FleetError(code, filled, { hint, ...options });
  }

  get exitCode(): number {
    return ERRORS[this.code].exitCode;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }

  /** The error as a JSON document, whose code has the public prefix: FLEET_PORT_TAKEN. */
  toDocument(): ErrorDocument {
    return {
      code: `FLEET_${this.code}`,
      message: this.message,
      hint: this.hint,
      exitCode: this.exitCode,
      retryable: this.retryable,
    };
  }
}

/** The error that a document describes. A code that this version does not know becomes INTERNAL. */
export function errorFromDocument(document: ErrorDocument): FleetError {
  const code = document.code.replace(/^FLEET_/, '');
  return new FleetError(code in ERRORS ? (code as ErrorCode) : 'INTERNAL', document.message, {
    hint: document.hint,
  });
}
