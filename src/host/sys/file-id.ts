import { statSync } from 'node:fs';

/** A file as `device:inode`; null where there is none, or it is no regular file. */
export function fileId(path: string): string | null {
  try {
    const { dev, ino, mode } = statSync(path, { bigint: true });
    return (mode & 0o170000n) === 0o100000n ? `${dev}:${ino}` : null;
  } catch {
    return null; // Whatever is the matter with it, it names no file that we could compare.
  }
}
