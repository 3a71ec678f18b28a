import { dirname } from 'node:path';
import { isDirectory, realPath, removeFile, storeExecutable, syncDirectory } from '../files/files.ts';
import { Logs } from '../files/logs.ts';
import { readPid } from '../files/pid-file.ts';
import { discard, finishPurges, setDirectoriesAside } from '../files/purge.ts';
import type { Reader } from '../files/reader.ts';
import { clearSlots, handOver, type Owner, readySlot, type SlotPaths } from '../files/slot-paths.ts';
import type { Files, LogFiles, VacatedSlot } from '../files.ts';
import { withAgentUmask } from '../process/agent-world.ts';
import { formatProblem, HEAD_BYTES } from '../process/elf.ts';
import { readHeadIfLocal } from '../sys/bounded.ts';
import { findExecutable } from '../sys/executable.ts';
import { fileId } from '../sys/file-id.ts';

/** The files of Linux. A process of its own reads what others can write. */
export class LinuxFiles implements Files {
  readonly reader: Reader;
  readonly logs: LogFiles = new Logs();
  readonly #leave: (keys: readonly string[]) => void;
  readonly handOver = handOver;
  readonly findExecutable = findExecutable;
  readonly fileId = fileId;
  readonly readPid = readPid;
  readonly isDirectory = isDirectory;
  readonly realPath = realPath;
  readonly storeExecutable = storeExecutable;
  readonly remove = removeFile;
  readonly setDirectoriesAside = setDirectoriesAside;
  readonly discard = discard;
  readonly finishPurges = finishPurges;

  /** @param leave removes the cgroups of slots */
  constructor(reader: Reader, leave: (keys: readonly string[]) => void) {
    this.reader = reader;
    this.#leave = leave;
  }

  readySlot(paths: SlotPaths, owner: Owner): void {
    withAgentUmask(() => readySlot(paths, owner));
  }

  persistSlot({ dir }: SlotPaths): void {
    for (const directory of [dir, dirname(dir), dirname(dirname(dir))]) syncDirectory(directory);
  }

  vacate(slots: readonly VacatedSlot[]): void {
    clearSlots(slots.map(({ paths }) => paths));
    this.#leave(slots.map(({ key }) => key));
  }

  /** In this process if that cannot hang, because a reader takes a tenth of a second to start. */
  async formatProblem(path: string, msMax: number): Promise<string | null> {
    const question = { do: 'head', path, bytes: HEAD_BYTES } as const;
    const head = readHeadIfLocal(path, HEAD_BYTES) ?? (await this.reader.ask(question, msMax));
    return formatProblem(Buffer.from(head));
  }
}
