import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const OWN_PATH = fileURLToPath(import.meta.url);
/** Whether this program was built: few files of JavaScript, all of them in `dist`. */
const IS_BUILT = OWN_PATH.endsWith('.cjs');

/** The root of this package: the closest directory above with a package.json, whether built or not. */
const ROOT = (() => {
  let directory = dirname(OWN_PATH);
  while (!existsSync(`${directory}/package.json`)) directory = dirname(directory);
  return directory;
})();

/** The path of a file of this package. @param path from its root, such as `bin/fleetd` */
export function packageFile(path: string): string {
  return `${ROOT}/${path}`;
}

/** Where the code is, and the endings of its programs and of a page's scripts. */
export const CODE = IS_BUILT
  ? { directory: packageFile('dist'), program: 'cjs', script: 'js' }
  : { directory: packageFile('src'), program: 'ts', script: 'ts' };

/**
 * The path of a program of this package, for a process to run.
 * @param path its source below `src`, without its extension; once built, its last part is a file of `dist`
 */
export function programFile(path: string): string {
  const place = IS_BUILT ? path.slice(path.lastIndexOf('/') + 1) : path;
  return `${CODE.directory}/${place}.${CODE.program}`;
}
