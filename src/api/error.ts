import { ERRORS, type ErrorCode, type ErrorDocument } from '../errors.ts';
import { documentOf, flag, integer, named, type Of, text } from './shape.ts';

const ERROR_DOCUMENT = documentOf<ErrorDocument>(
  'Error',
  {
    code: text('Such as FLEET_UNKNOWN.'),
    message: text('What, where and why.'),
    hint: text('What to do.'),
    exitCode: integer('How it ends a command.'),
    retryable: flag('Whether trying again can help.'),
  },
  'Why something was refused, or failed.',
);

/** What a request is answered with that is refused, or that fails. */
export const REFUSAL = named('Refusal', { error: ERROR_DOCUMENT });
export type Refusal = Of<typeof REFUSAL>;

/** The HTTP status that an error is answered with: 400 where the request is wrong, 409 where something is in its way. */
export function httpStatusOf(code: ErrorCode): 400 | 409 {
  return ERRORS[code].exitCode === 2 ? 400 : 409;
}
