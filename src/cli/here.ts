import { statSync } from 'node:fs';
import { isAbsolute } from 'node:path';

/**
 * The working directory as the user has named it: where a symbolic link led here, with that link in it, as the shell keeps
 * it in PWD. A deployment that swaps the link later changes what a path in a spec leads to.
 */
export function here(): string {
  const { PWD: named } = process.env;
  const real = process.cwd();
  return named !== undefined && isAbsolute(named) && isSame(named, real) ? named : real;
}

/** Others may have set PWD, and it stays what it was where a program changes its directory. */
function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }));
  return a !== undefined && a.dev === b?.dev && a.ino === b.ino;
}
