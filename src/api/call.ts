import { parametersIn } from './operation.ts';
import type { OperationName, PathOfNamed, QueryOfNamed } from './operations.ts';
import { ROUTES } from './routes.ts';

/** The parameters of an operation's path and query. Optional ones may be absent or null. */
export type ParametersOf<N extends OperationName> = PathOfNamed<N> & {
  [K in keyof QueryOfNamed<N>]:
    | QueryOfNamed<N>[K]
    | (object extends Pick<QueryOfNamed<N>, K> ? null | undefined : never);
};

/** Returns the path and query of an operation with these parameters; those that are null or undefined are left out. */
export function urlOf<N extends OperationName>(name: N, parameters: Partial<ParametersOf<N>>): string {
  const { path } = ROUTES[name];
  const names = parametersIn(path);
  const query = new URLSearchParams();
  let filled = path;
  for (const [key, value] of Object.entries(parameters)) {
    if (value === null || value === undefined) continue;
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
    if (names.includes(key)) filled = filled.replace(`{${key}}`, () => encodeURIComponent(text));
    else query.set(key, text);
  }
  return query.size === 0 ? filled : `${filled}?${query}`;
}
