import { FleetError } from '../../src/errors/fleet-error.ts';
import type { ReadRequest, Value } from '../../src/host/files/others.ts';
import type { Aside } from '../../src/host/files/purge.ts';
import type { Files, LogFiles, SlotPaths, VacatedSlot } from '../../src/host/host.ts';
import { ReadProblem } from '../../src/host/sys/read-problem.ts';
import { refusal, success } from '../../src/host/sys/result.ts';
import type { HostWorld } from './fake-host.ts';
import { systemCallError } from './fake-processes.ts';
import type { Process } from './kernel.ts';

/** What is set aside, and whether that is decided: as in src/host/files/purge.ts. */
const ASIDE = /^\.(purging|purged)-(.+)-\d+$/;

/** Files of an imaginary disk, for one life of a supervisor. Each call can be its last, and each write can fail. */
export class FakeFiles implements Files {
  readonly #world: HostWorld;
  /** How much was cut from a log in this life. */
  readonly #cut = new Map<string, number>();
  #asides = 0;

  constructor(world: HostWorld) {
    this.#world = world;
  }

  // ── slots ──

  readySlot(paths: SlotPaths): void {
    this.#world.gate.step(`host.readySlot ${keyIn(paths)}`);
    this.#world.preparing();
    this.makeSlot(paths);
  }

  /** Makes a slot's directories, as a start does. @throws SystemCallError ENOSPC on a full disk */
  makeSlot(paths: SlotPaths): void {
    const { disk, kernel, gate } = this.#world;
    if (!disk.has(paths.dir)) {
      if (gate.isDiskFull) throw systemCallError('mkdir', 'ENOSPC');
      disk.makeDirectory(paths.dir);
    }
    kernel.places.add(keyIn(paths));
  }

  handOver(): null {
    return null;
  }

  persistSlot(paths: SlotPaths): void {
    this.#world.gate.step(`host.persistSlot ${keyIn(paths)}`);
    this.#fail('fsync');
    this.#world.disk.sync(paths.dir);
  }

  vacate(slots: readonly VacatedSlot[]): void {
    const { gate, kernel } = this.#world;
    for (const { key } of slots) {
      gate.step(`host.vacate ${key}`);
      this.#world.vacating(key);
      kernel.places.delete(key);
    }
  }

  // ── what others can write ──

  readonly reader = {
    ask: async <T extends ReadRequest>(question: T) => this.#read(question) as Value<T>,
    askAll: async <T extends ReadRequest>(questions: readonly T[]) =>
      questions.map((question) => {
        try {
          return success(this.#read(question) as Value<T>);
        } catch (error) {
          if (!(error instanceof ReadProblem)) throw error;
          return refusal(error);
        }
      }),
  };

  #read(question: ReadRequest): unknown {
    const { disk, faults, gate, kernel } = this.#world;
    gate.step(`files.read ${question.do}`);
    if (question.do === 'suspect') {
      if (faults.isSilent())
        throw new ReadProblem('TOO_SLOW', `pid ${question.pid} could not be read within 1 s`);
      const found = kernel.processes.get(question.pid);
      if (!found?.program) return null;
      const files = found.argv.map((word) => disk.at(word)?.id ?? null);
      const isSupervised = this.isSupervised(found);
      return { executable: question.executable, argv: found.argv, files, isSupervised };
    }
    const path = question.do === 'stage' ? question.source : question.path;
    const found = disk.at(path);
    if (question.do === 'program')
      return found?.id ? { file: found.id, real: path, interpreter: null } : null;
    if (!found?.id) throw new ReadProblem('ENOENT', `there is no ${path}`);
    if (question.do !== 'stage') return Buffer.from(found.text);
    if (gate.isDiskFull) throw new ReadProblem('ENOSPC', `${path}: ENOSPC`);
    disk.write(question.target, found.text, { isExecutable: true });
    return `hash of ${found.text}`;
  }

  /** Whether some supervisor runs a process. */
  isSupervised({ key, isOfOthers }: Process): boolean {
    return key !== null || isOfOthers;
  }

  // ── programs ──

  findExecutable(command: string, _baseDir: string, _path: string, where: string): string {
    if (this.#world.disk.at(command)?.isExecutable) return command;
    throw new FleetError('EXECUTABLE_UNUSABLE', `${where}: there is no executable ${command}`);
  }

  isDirectory(): boolean {
    return true;
  }

  realPath(path: string): string {
    return path;
  }

  readPid(): null {
    return null;
  }

  fileId(path: string): string | null {
    return this.#world.disk.at(path)?.id ?? null;
  }

  async formatProblem(path: string): Promise<string | null> {
    if (this.#world.disk.at(path)?.isExecutable) return null;
    throw new ReadProblem('ENOENT', `there is no ${path}`);
  }

  storeExecutable(staged: string, directory: string, name: string): string {
    const { disk, gate } = this.#world;
    const target = `${directory}/${name}`;
    try {
      gate.write(`files.storeExecutable ${target}`);
    } catch (error) {
      // A supervisor that was killed leaves it where it is.
      if (!gate.isDead) disk.remove(staged);
      throw error;
    }
    if (disk.has(target)) disk.remove(staged);
    else {
      disk.makeDirectory(directory);
      disk.rename(staged, target);
    }
    disk.sync(directory);
    return target;
  }

  remove(path: string): void {
    this.#world.gate.step(`files.remove ${path}`);
    this.#world.disk.remove(path);
  }

  // ── deletion ──

  setDirectoriesAside(paths: readonly string[]): Aside {
    const { disk, gate } = this.#world;
    const moved: { from: string; to: string }[] = [];
    const restore = () => {
      // A supervisor that was killed puts nothing back: that is left to the next one.
      if (gate.isDead) return;
      for (const { from, to } of moved.splice(0)) disk.rename(to, from);
    };
    try {
      for (const from of paths.filter((path) => disk.hasBelow(path))) {
        gate.step(`files.setAside ${from}`);
        this.#fail('rename', from);
        const to = `${parentOf(from)}/.purging-${nameOf(from)}-${++this.#asides}`;
        disk.rename(from, to);
        moved.push({ from, to });
      }
    } catch (error) {
      restore();
      throw error;
    }
    const purge = () => {
      const decided = moved.splice(0).map(({ to }) => {
        gate.step(`files.purge ${to}`);
        this.#world.deleting(to, ASIDE.exec(nameOf(to))![2]!);
        const purged = to.replace('/.purging-', '/.purged-');
        disk.rename(to, purged);
        return purged;
      });
      return this.#delete(decided);
    };
    return { isEmpty: moved.length === 0, purge, restore };
  }

  async discard(paths: readonly string[]): Promise<void> {
    await this.setDirectoriesAside(paths).purge();
  }

  async finishPurges(parent: string, isWanted: (name: string) => boolean): Promise<void> {
    const { disk, gate } = this.#world;
    const left: string[] = [];
    for (const name of disk.list(parent)) {
      const [, state, was] = ASIDE.exec(name) ?? [];
      if (was === undefined) continue;
      gate.step(`files.finishPurges ${parent}/${name}`);
      const isFree = !disk.hasBelow(`${parent}/${was}`);
      if (state === 'purging' && isWanted(was) && isFree)
        disk.rename(`${parent}/${name}`, `${parent}/${was}`);
      else {
        if (state === 'purging') this.#world.deleting(`${parent}/${name}`, was);
        left.push(`${parent}/${name}`);
      }
    }
    await this.#delete(left);
  }

  /** Beside the loop, as rm(1) does: others have their turn before anything is gone. */
  async #delete(paths: readonly string[]): Promise<void> {
    const { disk, gate, time } = this.#world;
    for (const path of paths) {
      await new Promise<void>((resolve) => time.arrive(resolve));
      gate.step(`files.delete ${path}`);
      disk.remove(path);
    }
  }

  // ── logs ──

  readonly logs: LogFiles = {
    look: (path) => this.#look(path),
    fileBegin: (path) => this.#cut.get(path) ?? 0,
    lastEnd: (path) => this.#look(path)?.end ?? this.#cut.get(path) ?? 0,
    freeBytes: () => null,
    begin: (path) => this.#look(path)?.end ?? 0,
    readEnd: (path) => this.#world.disk.at(path)?.text ?? '',
    read: nobodyReads,
    lastLines: nobodyReads,
    continueAt: nobodyReads,
    readRange: nobodyReads,
    forget: () => {},
    bound: async (path, { maxBytes }) => {
      const { disk, gate } = this.#world;
      gate.step(`logs.bound ${path}`);
      const found = disk.at(path);
      if (!found || found.sizeBytes <= maxBytes / 2) return;
      // The file begins anew whether its newest half could be kept or not.
      this.#cut.set(path, (this.#cut.get(path) ?? 0) + found.sizeBytes);
      found.sizeBytes = 0;
      if (gate.isDiskFull) throw systemCallError('write', 'ENOSPC');
      disk.write(`${path}.1`, found.text);
    },
    // Nobody moves, empties or overwrites a log there.
    save: nobodyReads,
    fetchDeleted: nobodyReads,
    makeAppending: nobodyReads,
    find: async () => ({ kind: 'here' }),
  };

  #look(path: string) {
    const found = this.#world.disk.at(path);
    if (!found) return null;
    const { sizeBytes: size, id } = found;
    return { end: (this.#cut.get(path) ?? 0) + size, size, emptied: 0, isSparse: false, id: id ?? '' };
  }

  #fail(syscall: string, path = ''): void {
    const code = this.#world.faults.disk();
    if (code !== null) throw Object.assign(systemCallError(syscall, code), { path });
  }
}

function nobodyReads(): never {
  throw new Error('nobody reads or mends logs in the simulated world');
}

/** `FLEET/SLOT`, from the end of a slot's directory. */
function keyIn({ dir }: SlotPaths): string {
  return dir.split('/').slice(-2).join('/');
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
