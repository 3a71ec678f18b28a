import { writeSync } from 'node:fs';
import { check, lastError, libc, SystemCallError } from '../sys/libc.ts';
import { closeFd } from '../sys/pidfd.ts';

/** memfd_create(2). Kernels before 6.3 do not know MFD_EXEC, and need none. */
const MFD = { cloexec: 1, allowSealing: 2, exec: 0x10 } as const;
/** fcntl(2), and its seals: no write, no growth, no shrinking, no further seal. */
const F_DUPFD_CLOEXEC = 1030;
const F_ADD_SEALS = 1033;
const F_SEAL_ALL = 0xf;
/** Lower descriptors are the child's: a file action must not overwrite one that a later action copies. */
const LOWEST = 16;

/**
 * A file that exists only while it is open, so that it has no path where it could be changed.
 * @param kind an executable is sealed, so that not even this process can change it any more
 * @returns its descriptor, closed on exec
 * @throws SystemCallError; EACCES if the host forbids executing files in memory (vm.memfd_noexec=2)
 */
export function memoryFile(name: string, content: Buffer, kind: 'executable' | 'data'): number {
  const fd = raised(kind === 'executable' ? create(name, MFD.allowSealing | MFD.exec) : create(name, 0));
  for (let at = 0; at < content.length; ) at += writeSync(fd, content, at);
  if (kind === 'executable') check('fcntl', libc.fcntl(fd, F_ADD_SEALS, F_SEAL_ALL));
  return fd;
}

function create(name: string, flags: number): number {
  const fd = libc.memfdCreate(name, flags | MFD.cloexec);
  if (fd >= 0) return fd;
  const code = lastError();
  if (code === 'EINVAL' && flags & MFD.exec) return create(name, flags & ~MFD.exec);
  const isForbidden = code === 'EACCES' && flags & MFD.exec;
  throw SystemCallError.named(
    isForbidden ? 'memfd_create (vm.memfd_noexec must be 0 or 1)' : 'memfd_create',
    code,
  );
}

/** The same file under a number that no file action of a child’s overwrites. */
export function raised(fd: number): number {
  if (fd >= LOWEST) return fd;
  try {
    return check('fcntl', libc.fcntl(fd, F_DUPFD_CLOEXEC, LOWEST));
  } finally {
    closeFd(fd);
  }
}
