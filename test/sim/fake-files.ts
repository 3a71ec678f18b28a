import { readHead } from '../../src/host/files/bounded.ts';
import { fileId } from '../../src/host/files/file-id.ts';
import { fileSize, removeFile, storeExecutable } from '../../src/host/files/files.ts';
import { boundLog, readLog, readLogEnd } from '../../src/host/files/logfile.ts';
import { type ReadRequest, readOthers, type Value } from '../../src/host/files/others.ts';
import { discard, finishPurges, setDirectoriesAside } from '../../src/host/files/purge.ts';
import type { Files, SlotPaths } from '../../src/host/host.ts';
import { formatProblem, HEAD_BYTES } from '../../src/host/process/elf.ts';
import { findExecutable } from '../../src/host/process/executable.ts';
import type { HostWorld } from './fake-host.ts';

/** Slots' directories of an imaginary host; programs and releases are the machine's own. */
export class FakeFiles implements Files {
  readonly #world: HostWorld;
  /** At once: the files of the specs are the machine's own, and nothing of the run's time passes. */
  readonly reader = {
    ask: async <T extends ReadRequest>(question: T) => readOthers(question) as Value<T>,
    askAll: async <T extends ReadRequest>(questions: readonly T[]) =>
      questions.map((question) => readOthers(question) as Value<T>),
  };
  readonly logs = { size: fileSize, readEnd: readLogEnd, read: readLog, bound: boundLog };
  readonly findExecutable = findExecutable;
  readonly fileId = fileId;
  readonly storeExecutable = storeExecutable;
  readonly remove = removeFile;
  readonly setDirectoriesAside = setDirectoriesAside;
  readonly discard = discard;
  readonly finishPurges = finishPurges;

  constructor(world: HostWorld) {
    this.#world = world;
  }

  async formatProblem(path: string): Promise<string | null> {
    return formatProblem(readHead(path, HEAD_BYTES));
  }

  readySlot({ dir }: SlotPaths): void {
    this.#world.gate.step(`host.readySlot ${dir.split('/').slice(-2).join('/')}`);
    this.#world.preparing();
    this.#world.kernel.places.add(dir.split('/').slice(-2).join('/'));
  }

  handOver(): null {
    return null;
  }

  persistSlot({ dir }: SlotPaths): void {
    this.#world.gate.step(`host.persistSlot ${dir.split('/').slice(-2).join('/')}`);
  }

  vacate(slots: readonly { key: string }[]): void {
    const { gate, kernel } = this.#world;
    for (const { key } of slots) {
      gate.step(`host.vacate ${key}`);
      this.#world.vacating(key);
      kernel.places.delete(key);
    }
  }
}
