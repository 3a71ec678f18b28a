import type { StoredFleet } from '../fleet/records.ts';
import { readTextFile, writeDurable } from '../host/files/files.ts';
import { hashText } from '../host/sys/hash.ts';
import type { Settings } from './settings.ts';

/** The content of the copy; `seq` is the number of changes that it includes. */
export interface WantedCopy {
  seq: number;
  fleets: StoredFleet[];
  settings: Settings;
}

/** Writes the copy durably: a line with the SHA-256 of the content, then the content. */
export function writeCopy(path: string, copy: WantedCopy): void {
  const content = JSON.stringify(copy);
  writeDurable(path, `${hashText(content)}\n${content}\n`);
}

/** Reads the copy; `damage` says why an existing copy cannot be used. */
export function readCopy(path: string): { copy: WantedCopy | null; damage: string | null } {
  const text = readTextFile(path);
  if (text === null) return { copy: null, damage: null };
  const [checksum, content = ''] = text.split('\n', 2);
  if (hashText(content) !== checksum) return { copy: null, damage: `${path} does not match its checksum` };
  const { seq, fleets, settings = {} } = JSON.parse(content) as WantedCopy;
  return { copy: { seq, fleets, settings }, damage: null };
}
