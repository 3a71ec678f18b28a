import { closeSync, constants, fstatSync, openSync, read, readSync, type Stats, statfsSync } from 'node:fs';
import { promisify } from 'node:util';
import { ReadProblem } from './read-problem.ts';

/** open(2): a place in the file system, not its content; the number is the same on x86-64 and arm64. */
export const O_PATH = 0o10000000;
/** The maximum size of a read, whatever size a file claims to have. */
const CHUNK_BYTES = 256 * 1024;

/** The kind of a file. */
export function kindOf(stats: Stats): string {
  if (stats.isSymbolicLink()) return 'symbolic link';
  if (stats.isDirectory()) return 'directory';
  if (stats.isFIFO()) return 'special file (FIFO)';
  if (stats.isSocket()) return 'socket';
  if (stats.isFile()) return 'file';
  return stats.isCharacterDevice() || stats.isBlockDevice() ? 'special file (device)' : 'special file';
}

/**
 * Opens a regular file for reading, and nothing else. The place is opened first (O_PATH), which has no effect on what is
 * there: opening a FIFO waits for its other end, and opening a device may rewind a tape or arm a watchdog. The file that
 * is inspected is the one that is then opened (through /proc/self/fd, open(2)), even if names are swapped in between.
 * @param isFollowed whether a symbolic link at the end of the path is followed
 * @returns a descriptor, and the size that the file claims
 * @throws ReadProblem NOT_REGULAR, or the errno of the failure
 */
export function openRegular(path: string, isFollowed: boolean): { fd: number; size: number } {
  const place = open(path, O_PATH | (isFollowed ? 0 : constants.O_NOFOLLOW), path);
  try {
    const stats = fstatSync(place);
    if (!stats.isFile())
      throw new ReadProblem('NOT_REGULAR', `${path} is a ${kindOf(stats)}, not a regular file`);
    const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
    return { fd: open(`/proc/self/fd/${place}`, flags, path), size: stats.size };
  } finally {
    closeSync(place);
  }
}

function open(path: string, flags: number, named: string): number {
  try {
    return openSync(path, flags);
  } catch (error) {
    const { code = 'EIO' } = error as NodeJS.ErrnoException;
    throw new ReadProblem(code, code === 'ENOENT' ? `there is no ${named}` : `${named}: ${code}`);
  }
}

/** The first `bytes` of a regular file, or all of a shorter one. @throws ReadProblem */
export function readHead(path: string, bytes: number): Buffer {
  const { fd } = openRegular(path, true);
  try {
    return readUpTo(fd, bytes);
  } finally {
    closeSync(fd);
  }
}

/**
 * File systems of this host alone (statfs(2), linux/magic.h): a read of a regular file on them waits for a disk, but for
 * no server. NFS, CIFS, 9p and FUSE are not among them.
 */
const LOCAL_FILE_SYSTEMS = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // xfs
  0x9123683e, // btrfs
  0x01021994, // tmpfs
  0x794c7630, // overlayfs
  0xf2f52010, // f2fs
  0x2fc12fc1, // zfs
  0x73717368, // squashfs
  0xe0f5e1e2, // erofs
]);

/** The same, but null if the file lies on a file system with a server, which may not answer: use a reader then. */
export function readHeadIfLocal(path: string, bytes: number): Buffer | null {
  const place = open(path, O_PATH, path);
  try {
    if (!LOCAL_FILE_SYSTEMS.has(statfsSync(`/proc/self/fd/${place}`).type)) return null;
    return readHead(`/proc/self/fd/${place}`, bytes);
  } finally {
    closeSync(place);
  }
}

/**
 * The first `bytes` of a regular file that others can write: no link is followed, and nothing is waited for but a disk.
 * @returns null if there is no such file, or it lies on a file system with a server
 */
export function readShort(path: string, bytes: number): Buffer | null {
  let place: number;
  try {
    place = openSync(path, O_PATH | constants.O_NOFOLLOW);
  } catch {
    return null;
  }
  try {
    const isLocal = LOCAL_FILE_SYSTEMS.has(statfsSync(`/proc/self/fd/${place}`).type);
    return isLocal && fstatSync(place).isFile() ? readHead(`/proc/self/fd/${place}`, bytes) : null;
  } catch {
    return null;
  } finally {
    closeSync(place);
  }
}

/** A whole regular file. @throws ReadProblem TOO_LARGE if it exceeds `bytesMax`, as soon as that has been read */
export function readWhole(path: string, bytesMax: number): Buffer {
  const content = readHead(path, bytesMax + 1);
  if (content.length > bytesMax) throw tooLarge(path, bytesMax);
  return content;
}

/** The error for a file that is too large. */
export function tooLarge(path: string, bytesMax: number): ReadProblem {
  return new ReadProblem('TOO_LARGE', `${path} has more than ${bytesMax} bytes`);
}

/**
 * The content behind a descriptor, up to `bytes`. Memory follows what was read, not what a file claims.
 * @throws the error of read(2)
 */
export function readUpTo(fd: number, bytes: number): Buffer {
  const chunks: Buffer[] = [];
  let left = bytes;
  while (left > 0) {
    const chunk = Buffer.alloc(Math.min(left, CHUNK_BYTES));
    const count = readSync(fd, chunk, 0, chunk.length, null);
    if (count === 0) break;
    chunks.push(chunk.subarray(0, count));
    left -= count;
  }
  return Buffer.concat(chunks);
}

const readAsync = promisify(read);

/** The content of a file at a position, next to the loop; less at its end. @param bytes a small number, as all is kept @throws the error of read(2) */
export async function readAt(fd: number, position: number, bytes: number): Promise<Buffer> {
  const chunk = Buffer.alloc(Math.min(bytes, CHUNK_BYTES));
  const { bytesRead } = await readAsync(fd, chunk, 0, chunk.length, position);
  return chunk.subarray(0, bytesRead);
}
