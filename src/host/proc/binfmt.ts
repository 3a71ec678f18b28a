import { readdirSync } from 'node:fs';
import { PROC } from './read.ts';

/** The files of binfmt_misc besides the registered formats. */
const OWN = new Set(['register', 'status']);

/** The formats of executables that were registered in the kernel (binfmt_misc); empty if there are none. */
export function listBinaryFormats(proc = PROC): string[] {
  try {
    return readdirSync(`${proc}/sys/fs/binfmt_misc`).filter((name) => !OWN.has(name));
  } catch {
    return [];
  }
}
