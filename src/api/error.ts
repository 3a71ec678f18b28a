import type { ErrorDocument } from '../errors/fleet-error.ts';
import { ERRORS, type ErrorCode } from '../errors/table.ts';
import { documentOf, flag, integer, named, type Of, text } from './shape.ts';

const ERROR_DOCUMENT = documentOf<ErrorDocument>(
  'Error',
  {
    code: text('Such as FLEET_UNKNOWN.'),
    message: text('What, where and why.'),
    hint: text('What to do.'),
    exitCode: integer('The exit code of a command that fails with it.'),
    retryable: flag('Whether a retry may succeed.'),
  },
  'Why a request was refused or failed.',
);

/** The answer to a request that is refused or fails. */
export const REFUSAL = named('Refusal', { error: ERROR_DOCUMENT });
export type Refusal = Of<typeof REFUSAL>;

/** Returns the HTTP status for an error: 400 if the request is wrong, 403 if not everyone may make it, else 409. */
export function httpStatusOf(code: ErrorCode): 400 | 403 | 409 {
  if (code === 'SUPERVISOR_DENIED') return 403;
  return ERRORS[code].exitCode === 2 ? 400 : 409;
}
