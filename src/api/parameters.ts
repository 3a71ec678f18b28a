import { FLEET } from '../specification/fields.ts';
import type { Field } from '../specification/group.ts';
import { parseSlots, SLOT_MAX } from '../specification/slots.ts';
import { BOOLEAN, integer, isText, scalar, type Type, text } from '../specification/types.ts';

/** The name of a fleet. Any text is read: the commands decide whether such a fleet exists or may exist. */
const NAME: Type<string, ''> = scalar(
  { suffix: '', expected: 'the name of a fleet', schema: FLEET.fields.name!.type.schema },
  (value) => (isText(value) ? value : null),
);

/** The parameters in paths. */
export const PARAMETERS = {
  fleet: { type: NAME, required: true, help: 'Name of the fleet.' },
  slot: { type: integer(0, SLOT_MAX), required: true, help: 'Number of the slot.' },
} as const satisfies Record<string, Field>;

/** A query parameter that restricts the answer to one fleet. */
export const ONE_FLEET = {
  type: NAME,
  otherwise: 'all fleets',
  help: 'Only this fleet.',
} as const;

/** A query parameter that is `true` or `1`, `false` or `0`. */
export const SWITCH: Type<boolean, ''> = {
  ...BOOLEAN,
  fromText: (written) => SWITCH_WORDS[written] ?? written,
};

const SWITCH_WORDS: Readonly<Record<string, boolean>> = { true: true, 1: true, false: false, 0: false };

/** A count. It has no maximum, because handlers reduce it to theirs. */
export const COUNT = integer(0, Number.MAX_SAFE_INTEGER);

/** Slots as ranges. The value stays text, since a short one may stand for a million slots. */
export const SLOTS: Type<string, ''> = scalar(
  {
    suffix: '',
    expected: `slots such as 10-19,25, from 0 to ${SLOT_MAX}, ranges from the lower to the higher`,
    schema: { type: 'string', pattern: '^ *\\d{1,6}(-\\d{1,6})? *(, *\\d{1,6}(-\\d{1,6})? *)*$' },
  },
  (value) => (typeof value === 'string' && areSlots(value) ? value : null),
);

function areSlots(written: string): boolean {
  try {
    parseSlots(written);
    return true;
  } catch {
    return false;
  }
}

export const ABSOLUTE_PATH = text('an absolute path', /^\/[^\0]*$/);
