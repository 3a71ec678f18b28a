import { statSync } from 'node:fs';
import { listBinaryFormats } from '../proc/binfmt.ts';

/** The number of bytes that decide: e_ident, e_type and e_machine (elf(5)), or a script's first line. */
export const HEAD_BYTES = 256;
const MACHINE_AT = 18;
const ENCODING_AT = 5;
const BIG_ENDIAN = 2;
const MACHINES: Record<number, string> = {
  3: 'x86 (32 bits)',
  8: 'MIPS',
  20: 'PowerPC',
  21: 'PowerPC (64 bits)',
  22: 'S/390',
  40: 'ARM (32 bits)',
  62: 'x86-64',
  183: 'ARM (64 bits)',
  243: 'RISC-V',
};
/** The machines that each architecture runs: its own and, if the kernel supports it, its 32-bit predecessor. */
const RUNS: Record<string, readonly number[]> = { x64: [62, 3], arm64: [183, 40] };

/**
 * Why this host cannot execute a file, by its first bytes: it is for another architecture, its interpreter is missing, or
 * it is not a program at all. Null if no reason is known.
 * @param head its first HEAD_BYTES
 */
export function formatProblem(head: Buffer, arch: string = process.arch): string | null {
  if (head.length === 0) return 'is empty';
  const problem =
    head.subarray(0, 2).toString('latin1') === '#!' ? scriptProblem(head) : elfProblem(head, arch);
  return problem !== null && hasForeignFormats() ? null : problem;
}

function elfProblem(head: Buffer, arch: string): string | null {
  if (head.subarray(0, 4).toString('latin1') !== '\x7fELF' || head.length < MACHINE_AT + 2) {
    return 'is neither an ELF executable nor a script that starts with #!';
  }
  const isBig = head[ENCODING_AT] === BIG_ENDIAN;
  const machine = isBig ? head.readUInt16BE(MACHINE_AT) : head.readUInt16LE(MACHINE_AT);
  if (RUNS[arch]?.includes(machine) ?? true) return null;
  return `is for ${MACHINES[machine] ?? `machine ${machine}`}, but this host is ${arch}`;
}

function scriptProblem(head: Buffer): string | null {
  const [line = ''] = head.toString('utf8').slice(2).split('\n');
  // A NUL ends the name for the kernel as well (fs/binfmt_script.c).
  const [interpreter = ''] = line.trim().split(/[\s\0]/);
  return isFile(interpreter)
    ? null
    : `is a script for ${interpreter || 'no interpreter'}, which does not exist`;
}

/** Whether a path leads to a file; one that is too long, or a circle of links, leads to none. */
function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Whether further formats are registered in the kernel (such as qemu for other architectures): then anything may run. */
function hasForeignFormats(): boolean {
  return listBinaryFormats().length > 0;
}
