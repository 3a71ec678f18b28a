import { readdirSync } from 'node:fs';
import { PROC } from './read.ts';

/** What binfmt_misc has next to the formats that were registered. */
const OWN = new Set(['register', 'status']);

/** The formats of executables that the kernel was told of beyond its own (binfmt_misc); empty where it has none. */
export function listBinaryFormats(proc = PROC): string[] {
  try {
    return readdirSync(`${proc}/sys/fs/binfmt_misc`).filter((name) => !OWN.has(name));
  } catch {
    return [];
  }
}
