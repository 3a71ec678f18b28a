import type { Executable } from '../../fleet/strays/fingerprint.ts';
import { type FoundProgram, readProgram, readSuspect, type Suspected } from '../strays/find.ts';
import { readHead, readWhole } from '../sys/bounded.ts';
import { type ConfigFile, readConfigFiles } from './config-files.ts';
import { stageCopy } from './stage.ts';

/** A read of something that others can write. */
export type ReadRequest =
  /** A whole file of at most `bytesMax`. */
  | { do: 'read'; path: string; bytesMax: number }
  /** The beginning of a file. */
  | { do: 'head'; path: string; bytes: number }
  /** The files of a directory of configuration, which nobody but the `owners` may be able to write. */
  | { do: 'config'; path: string; owners: readonly number[] }
  /** A copy of an executable; the result is the hash of its content. */
  | { do: 'stage'; source: string; target: string; bytesMax: number }
  /** The file that a path leads to, and the interpreter in its first line. */
  | { do: 'program'; path: string }
  /** The data that a process is judged by. */
  | { do: 'suspect'; pid: number; startTicks: number; executable: Executable; ownStateDir: string | null };

/** The result of each kind of request. */
interface Values {
  read: Uint8Array;
  head: Uint8Array;
  config: ConfigFile[] | null;
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
    case 'config':
      return readConfigFiles(ask.path, ask.owners);
    case 'stage':
      return stageCopy(ask.source, ask.target, ask.bytesMax);
    case 'program':
      return readProgram(ask.path);
    case 'suspect':
      return readSuspect(ask.pid, ask.executable, ask.ownStateDir);
  }
}
