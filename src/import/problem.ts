import { FleetError } from '../errors/fleet-error.ts';
import type { Place } from './draft.ts';

/** The refusal of a file that cannot be imported, with the place of what is wrong in it. */
export function refusal({ file, line }: Place, text: string): FleetError {
  return FleetError.of('IMPORT_INVALID.at', { place: `${file}:${line}`, text });
}
