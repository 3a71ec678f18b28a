import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { openRegular, tooLarge } from '../sys/bounded.ts';

const CHUNK_BYTES = 1024 * 1024;

/**
 * Copies a regular file to where nobody will write to it again, and only then inspects it: shared with the original if
 * the file system can (reflink), otherwise piece by piece, so that one that grows meanwhile does not fill the disk.
 * @returns the SHA-256 of the copy's content, in hex
 * @throws ReadProblem, with nothing left at `target`
 */
export function stageCopy(source: string, target: string, bytesMax: number): string {
  const { fd, size } = openRegular(source, true);
  try {
    rmSync(target, { force: true });
    if (size > bytesMax) throw tooLarge(source, bytesMax);
    if (!clone(fd, target)) copy(fd, target, source, bytesMax);
    return seal(target);
  } catch (error) {
    rmSync(target, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Shares the content (ioctl_ficlonerange(2)). @returns whether this file system can */
function clone(fd: number, target: string): boolean {
  try {
    copyFileSync(`/proc/self/fd/${fd}`, target, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    rmSync(target, { force: true });
    return false;
  }
}

function copy(from: number, target: string, source: string, bytesMax: number): void {
  const to = openSync(target, 'wx', 0o600);
  try {
    let length = 0;
    for (const chunk of chunksOf(from)) {
      length += chunk.length;
      if (length > bytesMax) throw tooLarge(source, bytesMax);
      for (let at = 0; at < chunk.length; ) at += writeSync(to, chunk, at);
    }
  } finally {
    closeSync(to);
  }
}

/** Makes a copy executable, and hashes its content. */
function seal(target: string): string {
  const hash = createHash('sha256');
  const fd = openSync(target, 'r');
  try {
    fchmodSync(fd, 0o755);
    for (const chunk of chunksOf(fd)) hash.update(chunk);
    return hash.digest('hex');
  } finally {
    closeSync(fd);
  }
}

/** The content behind a descriptor, piece by piece; each is valid until the next. */
function* chunksOf(fd: number): Generator<Buffer> {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  for (;;) {
    const count = readSync(fd, chunk, 0, chunk.length, null);
    if (count === 0) return;
    yield chunk.subarray(0, count);
  }
}
