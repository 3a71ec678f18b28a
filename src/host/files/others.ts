import type { Executable } from '../../fleet/strays/fingerprint.ts';
import { type FoundProgram, readProgram, readSuspect, type Suspected } from '../strays/find.ts';
import { readHead, readWhole } from '../sys/bounded.ts';
import { stageCopy } from './stage.ts';

/** Something to be read of what others can write. */
export type ReadRequest =
  /** A file whole; none of more than `bytesMax`. */
  | { do: 'read'; path: string; bytesMax: number }
  /** The beginning of a file. */
  | { do: 'head'; path: string; bytes: number }
  /** A copy of an executable; gives the hash of its content. */
  | { do: 'stage'; source: string; target: string; bytesMax: number }
  /** Which file a path leads to, and what its first line asks to be run by. */
  | { do: 'program'; path: string }
  /** What a process is judged by. */
  | { do: 'suspect'; pid: number; startTicks: number; executable: Executable; ownStateDir: string | null };

/** What each kind of ask gives. */
interface Values {
  read: Uint8Array;
  head: Uint8Array;
  stage: string;
  program: FoundProgram | null;
  suspect: Suspected | null;
}

export type Value<T extends ReadRequest> = Values[T['do']];

/** Reads in this process and at once, however long it takes. @throws ReadProblem, or the error of a system call */
export function readOthers(ask: ReadRequest): Values[ReadRequest['do']] {
  switch (ask.do) {
    case 'read':
      return readWhole(ask.path, ask.bytesMax);
    case 'head':
      return readHead(ask.path, ask.bytes);
    case 'stage':
      return stageCopy(ask.source, ask.target, ask.bytesMax);
    case 'program':
      return readProgram(ask.path);
    case 'suspect':
      return readSuspect(ask.pid, ask.executable, ask.ownStateDir);
  }
}
