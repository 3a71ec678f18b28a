import { accessSync, constants, statSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { FleetError } from '../../errors/fleet-error.ts';

/**
 * Finds the file that a command names: with a slash in it relative to `baseDir`, without one in `path` (colon-separated).
 * @param where the key of the spec, for the message
 * @throws FleetError EXECUTABLE_UNUSABLE if it does not exist, is not a file, or is not executable
 */
export function findExecutable(command: string, baseDir: string, path: string, where: string): string {
  const candidates = command.includes('/')
    ? [resolve(baseDir, command)]
    : path
        .split(':')
        .filter(isAbsolute)
        .map((directory) => `${directory}/${command}`);
  const found = candidates.find((candidate) => statSync(candidate, { throwIfNoEntry: false })?.isFile());
  if (found === undefined) {
    const places = command.includes('/') ? candidates[0] : `in ${path}`;
    throw new FleetError(
      'EXECUTABLE_UNUSABLE',
      `${where}: there is no executable ${command} (looked for ${places})`,
    );
  }
  try {
    accessSync(found, constants.X_OK);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code;
    throw new FleetError('EXECUTABLE_UNUSABLE', `${where}: ${found} cannot be executed (${reason})`, {
      hint: `Run chmod +x ${found}.`,
      cause: error,
    });
  }
  return found;
}
