import { resolve } from 'node:path';
import { readShort } from '../sys/bounded.ts';

/** More than any pid and the white space around it take. */
const BYTES_MAX = 32;

/**
 * The number in a file of an agent, as daemons write their pid. The agent can write anything there, so the number proves
 * nothing.
 * @param baseDir the directory of a relative path
 * @returns null if there is no such file, or it holds anything else
 */
export function readPid(path: string, baseDir: string): number | null {
  const text = readShort(resolve(baseDir, path), BYTES_MAX)?.toString('latin1') ?? '';
  return /^\s*[1-9]\d{0,8}\s*$/.test(text) ? Number(text) : null;
}
