/**
 * Every error a user can meet, in one table: how it ends a command, whether trying again can help, and what to do.
 * An entry's `hint` is the default; whoever throws may give a better one that names values.
 */
export const ERRORS = {
  USAGE: { exitCode: 2, retryable: false, hint: 'Run fleetctl --help.' },
  SPEC_INVALID: {
    exitCode: 2,
    retryable: false,
    hint: 'Correct the spec; fleetctl init writes a commented one.',
  },
  SPEC_MISSING: { exitCode: 2, retryable: false, hint: 'Give -f FILE, or a command after --.' },
  SPEC_FIXED: {
    exitCode: 2,
    retryable: false,
    hint: 'Add --force to stop everything and start it anew, or bring the fleet to target 0 first.',
  },
  UNKNOWN: { exitCode: 2, retryable: false, hint: 'fleetctl status lists the fleets.' },
  AMBIGUOUS: { exitCode: 2, retryable: false, hint: 'Add --fleet NAME.' },
  BUSY: { exitCode: 1, retryable: true, hint: 'Bring it to target 0 first: fleetctl kill --all.' },
  HELD: { exitCode: 4, retryable: false, hint: 'fleetctl resume lets it go on.' },
  ROLLED_BACK: {
    exitCode: 4,
    retryable: false,
    hint: 'fleetctl rollout status has every verdict, fleetctl events what led to it.',
  },
  SLOT_UNKNOWN: { exitCode: 2, retryable: false, hint: 'fleetctl ps lists the slots in use.' },
  PORT_TAKEN: {
    exitCode: 1,
    retryable: true,
    hint: 'Move ports.base, or stop the process that holds the port.',
  },
  EXECUTABLE_UNUSABLE: { exitCode: 2, retryable: false, hint: 'Correct the path or the file mode.' },
  USER_UNKNOWN: { exitCode: 2, retryable: false, hint: 'Create the user, or correct `user`.' },
  PRIVILEGE_MISSING: { exitCode: 1, retryable: false, hint: 'Run the supervisor as root.' },
  LIMIT_REACHED: { exitCode: 5, retryable: true, hint: 'Raise the limit that is named.' },
  STATE_UNUSABLE: {
    exitCode: 1,
    retryable: true,
    hint: 'Make the directory writable, or set FLEETD_STATE_DIR.',
  },
  CGROUP_UNUSABLE: {
    exitCode: 1,
    retryable: true,
    hint: 'Start the unit that owns that cgroup, and the supervisor as a unit of its own; or unset the variable.',
  },
  STATE_LOCKED: {
    exitCode: 1,
    retryable: false,
    hint: 'Use the supervisor that runs, or another FLEETD_STATE_DIR.',
  },
  SUPERVISOR_AWAY: { exitCode: 3, retryable: true, hint: 'fleetctl spawn starts one.' },
  SUPERVISOR_DENIED: { exitCode: 1, retryable: false, hint: 'Run as the user that the supervisor runs as.' },
  REQUEST_INVALID: {
    exitCode: 2,
    retryable: false,
    hint: 'fleetctl and fleetd may be of different versions.',
  },
  INTERNAL: { exitCode: 1, retryable: true, hint: 'Please report this with the supervisor’s log.' },
} as const satisfies Record<string, { exitCode: number; retryable: boolean; hint: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** An error as it travels over the API and appears with --json. */
export interface ErrorDocument {
  code: string;
  message: string;
  hint: string;
  exitCode: number;
  retryable: boolean;
}

/**
 * The one error class: what, where and why in `message`, what to do in `hint`.
 * Everything else about it (exit code, retryable) comes from the table by its code.
 */
export class FleetError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'FleetError';
    this.code = code;
    this.hint = options.hint ?? ERRORS[code].hint;
  }

  get exitCode(): number {
    return ERRORS[this.code].exitCode;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }

  /** The error as a JSON document; codes get the prefix that the outside knows them by (FLEET_PORT_TAKEN). */
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

/** The error that a document describes; one of an unknown code (another version's) becomes INTERNAL. */
export function errorFromDocument(document: ErrorDocument): FleetError {
  const code = document.code.replace(/^FLEET_/, '');
  return new FleetError(code in ERRORS ? (code as ErrorCode) : 'INTERNAL', document.message, {
    hint: document.hint,
  });
}
