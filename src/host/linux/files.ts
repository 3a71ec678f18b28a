import { dirname } from 'node:path';
import { fileSize, removeFile, storeExecutable, syncDirectory } from '../files/files.ts';
import { boundLog, readLog, readLogEnd } from '../files/logfile.ts';
import { discard, finishPurges, setDirectoriesAside } from '../files/purge.ts';
import type { Reader } from '../files/reader.ts';
import { clearSlots, handOver, type Owner, readySlot, type SlotPaths } from '../files/slot-paths.ts';
import type { Files, LogFiles, VacatedSlot } from '../files.ts';
import { withAgentUmask } from '../process/agent-world.ts';
import { formatProblem, HEAD_BYTES } from '../process/elf.ts';
import { readHeadIfLocal } from '../sys/bounded.ts';
import { findExecutable } from '../sys/executable.ts';
import { fileId } from '../sys/file-id.ts';

/** Files of Linux. What others can write is read by a process of its own. */
export class LinuxFiles implements Files {
  readonly reader: Reader;
  readonly logs: LogFiles = { size: fileSize, readEnd: readLogEnd, read: readLog, bound: boundLog };
  readonly #leave: (keys: readonly string[]) => void;
  readonly handOver = handOver;
  readonly findExecutable = findExecutable;
  readonly fileId = fileId;
  readonly storeExecutable = storeExecutable;
  readonly remove = removeFile;
  readonly setDirectoriesAside = setDirectoriesAside;
  readonly discard = discard;
  readonly finishPurges = finishPurges;

  /** @param leave takes away where slots' processes lived */
  constructor(reader: Reader, leave: (keys: readonly string[]) => void) {
    this.reader = reader;
    this.#leave = leave;
  }

  readySlot(places: SlotPaths, owner: Owner): void {
    withAgentUmask(() => readySlot(places, owner));
  }

  persistSlot({ dir }: SlotPaths): void {
    for (const directory of [dir, dirname(dir), dirname(dirname(dir))]) syncDirectory(directory);
  }

  vacate(slots: readonly VacatedSlot[]): void {
    clearSlots(slots.map(({ places }) => places));
    this.#leave(slots.map(({ key }) => key));
  }

  /** At once where that cannot hang, since a reader takes a tenth of a second to start. */
  async formatProblem(path: string, msMax: number): Promise<string | null> {
    const asked = { do: 'head', path, bytes: HEAD_BYTES } as const;
    const head = readHeadIfLocal(path, HEAD_BYTES) ?? (await this.reader.ask(asked, msMax));
    return formatProblem(Buffer.from(head));
  }
}
