/** How a command ends. */
export const EXIT_CODES = {
  0: 'done',
  1: 'failed',
  2: 'wrong usage or spec',
  3: 'no supervisor',
  4: 'degraded: fewer ready than the target, a rollout rolled back, a leak',
  5: 'a host limit is in the way',
} as const;

export type ExitCode = keyof typeof EXIT_CODES;

/**
 * Every error a user can meet, in one table: when, how it ends a command, whether trying again can help, what to do.
 * An entry's `hint` is the default; whoever throws may give a better one that names values.
 */
export const ERRORS = {
  USAGE: {
    when: 'A command line that cannot be understood.',
    exitCode: 2,
    retryable: false,
    hint: 'Run fleetctl --help.',
  },
  SPEC_INVALID: {
    when: 'The spec has unknown keys, wrong types, or values out of range; all are named.',
    exitCode: 2,
    retryable: false,
    hint: 'Correct the spec; fleetctl init writes a commented one.',
  },
  SPEC_MISSING: {
    when: 'A fleet not yet known, and no spec to make it from.',
    exitCode: 2,
    retryable: false,
    hint: 'Give -f FILE, or a command after --.',
  },
  SPEC_FIXED: {
    when: 'The changed spec cannot be applied while agents run: other ports, another user.',
    exitCode: 2,
    retryable: false,
    hint: 'Add --force to stop everything and start it anew, or bring the fleet to target 0 first.',
  },
  UNKNOWN: {
    when: 'No such fleet, release or rollout.',
    exitCode: 2,
    retryable: false,
    hint: 'fleetctl status lists the fleets.',
  },
  AMBIGUOUS: {
    when: 'Several fleets, and none named.',
    exitCode: 2,
    retryable: false,
    hint: 'Add --fleet NAME.',
  },
  BUSY: {
    when: 'Something under way, or agents that run, are in the way.',
    exitCode: 1,
    retryable: true,
    hint: 'Bring it to target 0 first: fleetctl kill --all.',
  },
  HELD: {
    when: 'The fleet is held, by a user or by the storm breaker.',
    exitCode: 4,
    retryable: false,
    hint: 'fleetctl resume lets it go on.',
  },
  ROLLED_BACK: {
    when: 'A rolling update found the new release worse and went back.',
    exitCode: 4,
    retryable: false,
    hint: 'fleetctl rollout status has every verdict, fleetctl events what led to it.',
  },
  SLOT_UNKNOWN: {
    when: 'A slot that was named has no agent, or no output.',
    exitCode: 2,
    retryable: false,
    hint: 'fleetctl ps lists the slots in use.',
  },
  PORT_TAKEN: {
    when: 'Another process serves a slot’s port.',
    exitCode: 1,
    retryable: true,
    hint: 'Move ports.base, or stop the process that holds the port.',
  },
  EXECUTABLE_UNUSABLE: {
    when: 'The program is missing, not executable, or made for another machine.',
    exitCode: 2,
    retryable: false,
    hint: 'Correct the path or the file mode.',
  },
  USER_UNKNOWN: {
    when: 'The agents’ user does not exist here.',
    exitCode: 2,
    retryable: false,
    hint: 'Create the user, or correct `user`.',
  },
  PRIVILEGE_MISSING: {
    when: 'Something that only root may do, such as starting agents as another user.',
    exitCode: 1,
    retryable: false,
    hint: 'Run the supervisor as root.',
  },
  LIMIT_REACHED: {
    when: 'A limit of the host is in the way; it is named with its value.',
    exitCode: 5,
    retryable: true,
    hint: 'Raise the limit that is named.',
  },
  STATE_UNUSABLE: {
    when: 'The state or runtime directory cannot be written, or belongs to somebody else.',
    exitCode: 1,
    retryable: true,
    hint: 'Make the directory writable, or set FLEETD_STATE_DIR.',
  },
  CGROUP_UNUSABLE: {
    when: 'FLEETD_AGENTS_CGROUP names a cgroup that agents cannot be put into.',
    exitCode: 1,
    retryable: true,
    hint: 'Start the unit that owns that cgroup, and the supervisor as a unit of its own; or unset the variable.',
  },
  STATE_LOCKED: {
    when: 'A supervisor runs with this state directory already.',
    exitCode: 1,
    retryable: false,
    hint: 'Use the supervisor that runs, or another FLEETD_STATE_DIR.',
  },
  STATE_COPIED: {
    when: 'The state directory is a copy of one whose agents run on this host.',
    exitCode: 1,
    retryable: false,
    hint: 'Use the original.',
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
    hint: 'Run as the user that the supervisor runs as.',
  },
  REQUEST_INVALID: {
    when: 'The supervisor cannot make sense of a request.',
    exitCode: 2,
    retryable: false,
    hint: 'fleetctl and fleetd may be of different versions.',
  },
  INTERNAL: {
    when: 'A defect.',
    exitCode: 1,
    retryable: true,
    hint: 'Please report this with the supervisor’s log.',
  },
} as const satisfies Record<string, { when: string; exitCode: ExitCode; retryable: boolean; hint: string }>;

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
