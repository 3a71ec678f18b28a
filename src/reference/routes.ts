import { OPERATIONS } from '../api/operations.ts';

const HEAD = `/*
 * Made by bin/generate from the table of operations: correct it there. The client of fleetctl needs only this of an
 * operation at run time; loading the whole table would add some 15 ms to every command.
 */

import type { Method } from './operation.ts';
import type { OperationName } from './operations.ts';

/** The method and path of each operation. */
export const ROUTES: Readonly<Record<OperationName, { readonly method: Method; readonly path: string }>> = {
`;

/** Returns the text of src/api/routes.ts. */
export function routesModule(): string {
  const lines = Object.entries(OPERATIONS).map(
    ([name, { method, path }]) => `  ${name}: { method: '${method}', path: '${path}' },\n`,
  );
  return `${HEAD}${lines.join('')}};\n`;
}
