import { check, libc } from './libc.ts';

/** The same on x86-64 and arm64 (asm-generic/fcntl.h). */
const O_CLOEXEC = 0o2000000;

/** A pipe of two descriptors, both closed on exec (pipe2(2)). @throws SystemCallError EMFILE, ENFILE */
export function openPipe(): { read: number; write: number } {
  const ends = new Int32Array(2);
  check('pipe2', libc.pipe2(ends, O_CLOEXEC));
  return { read: ends[0]!, write: ends[1]! };
}
