import { OPERATIONS } from '../api/operations.ts';

const HEAD = `/*
 * Made by bin/generate from the table of operations; correct it there. The client of fleetctl needs no more than this of
 * an operation at run time, and loading the whole table would cost every command some 15 ms.
 */

import type { Method } from './operation.ts';
import type { OperationName } from './operations.ts';

/** Method and path of each operation. */
export const ROUTES: Readonly<Record<OperationName, { readonly method: Method; readonly path: string }>> = {
`;

/** Gives the text of src/api/routes.ts. */
export function routesModule(): string {
  const lines = Object.entries(OPERATIONS).map(
    ([name, { method, path }]) => `  ${name}: { method: '${method}', path: '${path}' },\n`,
  );
  return `${HEAD}${lines.join('')}};\n`;
}
