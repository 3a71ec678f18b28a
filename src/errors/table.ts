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

/** A sentence with names of values in braces, and its own hint if the one of the code does not fit. */
type Message = string | { readonly text: string; readonly hint: string };

export interface ErrorEntry {
  readonly when: string;
  readonly exitCode: ExitCode;
  readonly retryable: boolean;
  readonly hint: string;
  readonly messages?: Readonly<Record<string, Message>>;
}

/**
 * Every error that a user can see: when it occurs, the exit code, whether a retry can succeed, and what to do.
 * `hint` is the default; the code that throws may give one that names values.
 *
 * `messages` are the sentences that more than one place throws, with names of values in braces; one may have its own
 * hint. A sentence that only one place throws stays at that place, next to the condition that it describes.
 */
export const ERRORS = {
  USAGE: {
    when: 'The command line is invalid.',
    exitCode: 2,
    retryable: false,
    hint: 'Run fleetctl --help.',
    messages: {
      value: '{what} must be {expected}, found "{found}"',
      exclusive: '{one} and {other} are mutually exclusive',
      otherFleet: {
        text: '--fleet is "{fleet}", but the name in the spec is "{name}"',
        hint: 'Omit --fleet, or change the name in the spec.',
      },
    },
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
  IMPORT_INVALID: {
    when: 'The configuration of another supervisor cannot be read. The message names file and line.',
    exitCode: 2,
    retryable: false,
    hint: 'Correct the file, or name its kind with --from.',
    messages: { at: '{place}: {text}' },
  },
  SPEC_FIXED: {
    when: 'The changed spec has other ports, addresses or another user, which cannot be applied while agents run.',
    exitCode: 2,
    retryable: false,
    hint: 'Add --force to stop everything and start it again, or set the target to 0 first.',
  },
  UNKNOWN: {
    when: 'The fleet, release or rollout does not exist.',
    exitCode: 2,
    retryable: false,
    hint: 'fleetctl status lists the fleets.',
    messages: { fleet: 'there is no fleet "{fleet}"' },
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
    messages: {
      stopping: {
        text: 'fleet {fleet} is stopping all its agents',
        hint: 'Try again when fleetctl status shows its agents ready.',
      },
      reloadInRollout: {
        text: 'fleet {fleet} is being updated to release {release}',
        hint: 'fleetctl rollout status shows it; its agents start with their new configuration anyway.',
      },
    },
  },
  HELD: {
    when: 'The fleet is held, by a user or by the storm breaker.',
    exitCode: 4,
    retryable: false,
    hint: 'fleetctl resume ends the hold.',
    messages: { held: 'fleet {fleet} is held: {reason}' },
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
    hint: 'Change the ports in the spec, or stop the process that holds the port.',
  },
  ADDRESS_MISSING: {
    when: 'This host does not have the address of a slot.',
    exitCode: 1,
    retryable: true,
    hint: 'Add the addresses to the host, or choose a block within 127.0.0.0/8, which every host has.',
  },
  EXECUTABLE_UNUSABLE: {
    when: 'The program is missing, not executable, or built for another kind of machine.',
    exitCode: 2,
    retryable: false,
    hint: 'Correct the path or the file mode.',
  },
  USER_UNKNOWN: {
    when: "The agents' user, or a group of theirs, does not exist on this host.",
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
    when: 'The state or runtime directory, or a file in it, cannot be read or written, or belongs to another user.',
    exitCode: 1,
    retryable: true,
    hint: 'Make the directory writable, or set FLEETD_STATE_DIR.',
    messages: { inTheWay: { text: '{path} is in the way: {what}', hint: 'Move it away.' } },
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
    messages: { none: 'no supervisor answers at {socket}' },
  },
  SUPERVISOR_DENIED: {
    when: 'The supervisor runs as another user, and the group that it lets read may not do this.',
    exitCode: 1,
    retryable: false,
    hint: 'Run fleetctl as the user that the supervisor runs as; to let a group read, start the supervisor with FLEETD_GROUP.',
  },
  GROUP_UNUSABLE: {
    when: 'FLEETD_GROUP names no group of this host, or one that cannot reach the runtime directory.',
    exitCode: 1,
    retryable: false,
    hint: 'Correct FLEETD_GROUP, or unset it.',
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
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

// ── messages by name ──

type MessagesOf<C extends ErrorCode> = (typeof ERRORS)[C] extends { readonly messages: infer M } ? M : never;

/** The messages of the table: `UNKNOWN.fleet`. */
export type MessageName = {
  [C in ErrorCode]: `${C}.${keyof MessagesOf<C> & string}`;
}[ErrorCode];

type MessageOf<N extends MessageName> = N extends `${infer C extends ErrorCode}.${infer M}`
  ? MessagesOf<C>[M & keyof MessagesOf<C>]
  : never;
type TextOf<M> = M extends { readonly text: infer T } ? T : M;
type NamesIn<T> = T extends `${string}{${infer Name}}${infer Rest}` ? Name | NamesIn<Rest> : never;

/** A value for each name in braces of a message. */
export type ValuesOf<N extends MessageName> = Readonly<
  Record<NamesIn<TextOf<MessageOf<N>>>, string | number>
>;
