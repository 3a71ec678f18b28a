import { MACHINE_CODE } from './machine-code.ts';

export type Architecture = keyof typeof MACHINE_CODE;

/** Sizes of an ELF64 header and of one of its program headers (elf(5)). */
const HEADER = 64;
const PROGRAM_HEADER = 56;
const PROGRAM_HEADERS = 2;
/** The address of the program in memory, and the alignment of its segment: the largest page of arm64. */
const ADDRESS = 0x400000;
const ALIGNMENT = 0x10000;
const EM = { x64: 62, arm64: 183 } as const;
const ET_EXEC = 2;
const PT = { load: 1, gnuStack: 0x6474e551 } as const;
const PF = { executable: 1, writable: 2, readable: 4 } as const;

/**
 * The launcher as an executable file: one segment with the instructions, no interpreter and no library, so that nothing
 * in an environment or a directory can influence it.
 */
export function launcherImage(architecture: Architecture): Buffer {
  const code = Buffer.from(MACHINE_CODE[architecture], 'hex');
  const start = HEADER + PROGRAM_HEADERS * PROGRAM_HEADER;
  const image = Buffer.alloc(start + code.length);
  image.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  image.writeUInt16LE(ET_EXEC, 16);
  image.writeUInt16LE(EM[architecture], 18);
  image.writeUInt32LE(1, 20);
  image.writeBigUInt64LE(BigInt(ADDRESS + start), 24);
  image.writeBigUInt64LE(BigInt(HEADER), 32);
  image.writeUInt16LE(HEADER, 52);
  image.writeUInt16LE(PROGRAM_HEADER, 54);
  image.writeUInt16LE(PROGRAM_HEADERS, 56);
  writeSegment(image, HEADER, {
    type: PT.load,
    flags: PF.readable | PF.executable,
    address: ADDRESS,
    size: image.length,
    alignment: ALIGNMENT,
  });
  // Without this segment, kernels give the program an executable stack.
  writeSegment(image, HEADER + PROGRAM_HEADER, {
    type: PT.gnuStack,
    flags: PF.readable | PF.writable,
    address: 0,
    size: 0,
    alignment: 16,
  });
  code.copy(image, start);
  return image;
}

interface Segment {
  type: number;
  flags: number;
  address: number;
  size: number;
  alignment: number;
}

function writeSegment(image: Buffer, at: number, { type, flags, address, size, alignment }: Segment): void {
  image.writeUInt32LE(type, at);
  image.writeUInt32LE(flags, at + 4);
  image.writeBigUInt64LE(BigInt(address), at + 16);
  image.writeBigUInt64LE(BigInt(address), at + 24);
  image.writeBigUInt64LE(BigInt(size), at + 32);
  image.writeBigUInt64LE(BigInt(size), at + 40);
  image.writeBigUInt64LE(BigInt(alignment), at + 48);
}
