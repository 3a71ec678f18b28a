/** The exit codes of fleetctl. */
export const EXIT_CODES = {
  0: 'done',
  1: 'failed',
  2: 'wrong usage or spec',
  3: 'no supervisor',
  4: 'degraded: fewer ready than the target, a rollout rolled back, a leak',
  5: 'blocked by a host limit',
} as const;

export type ExitCode = keyof typeof EXIT_CODES;

/**
 * Every error that a user can see: when it occurs, the exit code, whether a retry can succeed, and what to do.
 * `hint` is the default; the code that throws may give one that names values.
 */
export const ERRORS = {
  USAGE: {
    when: 'The command line is invalid.',
    exitCode: 2,
    retryable: false,
    hint: 'Run fleetctl --help.',
  },
  SPEC_INVALID: {
    when: 'The spec has unknown keys, wrong types or values out of range. The message names all of them.',
    exitCode: 2,
    retryable: false,
    hint: 'Correct the spec; fleetctl init writes a commented example.',
  },
  SPEC_MISSING: {
    when: 'The fleet is not known yet, and no spec describes it.',
    exitCode: 2,
    retryable: false,
    hint: 'Give -f FILE, or a command after --.',
  },
  SPEC_FIXED: {
    when: 'The changed spec has other ports or another user, which cannot be applied while agents run.',
    exitCode: 2,
    retryable: false,
    hint: 'Add --force to stop everything and start it again, or set the target to 0 first.',
  },
  UNKNOWN: {
    when: 'The fleet, release or rollout does not exist.',
    exitCode: 2,
    retryable: false,
    hint: 'fleetctl status lists the fleets.',
  },
  AMBIGUOUS: {
    when: 'There are several fleets, and the command names none.',
    exitCode: 2,
    retryable: false,
    hint: 'Add --fleet NAME.',
  },
  BUSY: {
    when: 'An operation under way, or running agents, prevent this.',
    exitCode: 1,
    retryable: true,
    hint: 'Set the target to 0 first: fleetctl kill --all.',
  },
  HELD: {
    when: 'The fleet is held, by a user or by the storm breaker.',
    exitCode: 4,
    retryable: false,
    hint: 'fleetctl resume ends the hold.',
  },
  ROLLED_BACK: {
    when: 'A rolling update found the new release worse and rolled back.',
    exitCode: 4,
    retryable: false,
    hint: 'fleetctl rollout status shows every verdict, fleetctl events what led to it.',
  },
  SLOT_UNKNOWN: {
    when: 'The slot has no agent, or no output.',
    exitCode: 2,
    retryable: false,
    hint: 'fleetctl ps lists the slots in use.',
  },
  PORT_TAKEN: {
    when: "Another process uses a slot's port.",
    exitCode: 1,
    retryable: true,
    hint: 'Move ports.base, or stop the process that holds the port.',
  },
  EXECUTABLE_UNUSABLE: {
    when: 'The program is missing, not executable, or built for another kind of machine.',
    exitCode: 2,
    retryable: false,
    hint: 'Correct the path or the file mode.',
  },
  USER_UNKNOWN: {
    when: "The agents' user does not exist on this host.",
    exitCode: 2,
    retryable: false,
    hint: 'Create the user, or correct the user in the spec.',
  },
  PRIVILEGE_MISSING: {
    when: 'Only root may do this, such as starting agents as another user.',
    exitCode: 1,
    retryable: false,
    hint: 'Run the supervisor as root.',
  },
  LIMIT_REACHED: {
    when: 'A limit of the host blocks this. The message names it, with its value.',
    exitCode: 5,
    retryable: true,
    hint: 'Raise the limit that the message names.',
  },
  STATE_UNUSABLE: {
    when: 'The state or runtime directory is not writable, or belongs to another user.',
    exitCode: 1,
    retryable: true,
    hint: 'Make the directory writable, or set FLEETD_STATE_DIR.',
  },
  CGROUP_UNUSABLE: {
    when: 'fleetd cannot put agents into the cgroup that FLEETD_AGENTS_CGROUP names.',
    exitCode: 1,
    retryable: true,
    hint: 'Start the unit that owns that cgroup, and run the supervisor as a unit of its own; or unset the variable.',
  },
  STATE_LOCKED: {
    when: 'Another supervisor already uses this state directory.',
    exitCode: 1,
    retryable: false,
    hint: 'Use the running supervisor, or set another FLEETD_STATE_DIR.',
  },
  STATE_COPIED: {
    when: 'The state directory is a copy of one whose agents run on this host.',
    exitCode: 1,
    retryable: false,
    hint: 'Use the original directory.',
  },
  SUPERVISOR_AWAY: {
    when: 'No supervisor answers.',
    exitCode: 3,
    retryable: true,
    hint: 'fleetctl spawn starts one.',
  },
  SUPERVISOR_DENIED: {
    when: 'The supervisor runs as another user.',
    exitCode: 1,
    retryable: false,
    hint: 'Run fleetctl as the user that the supervisor runs as.',
  },
  REQUEST_INVALID: {
    when: 'The supervisor does not understand the request.',
    exitCode: 2,
    retryable: false,
    hint: 'fleetctl and fleetd may have different versions.',
  },
  INTERNAL: {
    when: 'fleetctl or fleetd has a defect.',
    exitCode: 1,
    retryable: true,
    hint: "Please report this with the supervisor's log.",
  },
} as const satisfies Record<string, { when: string; exitCode: ExitCode; retryable: boolean; hint: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** An error as the API sends it and --json prints it. */
export interface ErrorDocument {
  code: string;
  message: string;
  hint: string;
  exitCode: number;
  retryable: boolean;
}

/**
 * The one error class. `message` says what, where and why: a clause that begins in lower case and has no final period.
 * `hint` says what to do, in whole sentences; an empty hint prints nothing. Exit code and `retryable` come from the
 * table.
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
