import { statSync } from 'node:fs';

/** A file as `device:inode`; null if there is none, or it is not a regular file. */
export function fileId(path: string): string | null {
  try {
    const { dev, ino, mode } = statSync(path, { bigint: true });
    return (mode & 0o170000n) === 0o100000n ? `${dev}:${ino}` : null;
  } catch {
    return null; // Whatever its problem, it identifies no file to compare.
  }
}
