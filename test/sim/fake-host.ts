import { FleetError } from '../../src/errors/fleet-error.ts';
import type { Facts, HelperEnd, Host, Launch, Memory } from '../../src/host/host.ts';
import type { WantedStore } from '../../src/store/wanted.ts';
import type { Disk } from './disk.ts';
import { FakeFiles } from './fake-files.ts';
import { FakeProcesses } from './fake-processes.ts';
import { FakeSockets } from './fake-sockets.ts';
import type { Gate } from './gate.ts';
import type { Kernel, Nature, Process } from './kernel.ts';
import type { Random } from './random.ts';
import type { VirtualTime } from './time.ts';

/** What goes wrong on the host, and how agents behave. */
export interface Faults {
  /** The errno that a fork or exec fails with; null where it works. */
  fork(): string | null;
  /** How long a fork takes. */
  forkMs(): number;
  nature(env: Readonly<Record<string, string>>): Nature;
  helper(launch: Launch): { ms: number; end: HelperEnd } | { error: string };
  availablePercent(): number;
  /** The errno that a call about a directory fails with; null where it works. */
  disk(): string | null;
  /** The errno that taking hold of a process fails with; null where it works. */
  handle(): string | null;
  /** Whether a process does not say what it is. */
  isSilent(): boolean;
  /** Why the kernel moves a process into no slot; null where it does. */
  move(): string | null;
}

/** What a fake host is made of. */
export interface HostWorld {
  time: VirtualTime;
  kernel: Kernel;
  disk: Disk;
  random: Random;
  gate: Gate;
  faults: Faults;
  containment: 'cgroup' | 'session';
  /** The wall clock's distance from the time of the run. */
  wallMs(): number;
  /** What the supervisor that begins has as its store. */
  stored(store: WantedStore): void;
  /** A supervisor has these processes from here on, and is to hear of what happens to them. */
  opened(processes: FakeProcesses): void;
  /** An agent is about to be started in a slot. */
  starting(key: string): void;
  started(process: Process): void;
  /** What a slot has on the host is about to be taken away. */
  vacating(key: string): void;
  /** The same, by the command that prepares the slot. */
  preparing(): void;
  /** A process that somebody else started is about to be moved into a slot. */
  adopting(process: Process, key: string): void;
  /** A process is about to get a signal as one that is in no slot. */
  endingOther(process: Process): void;
  /** An agent is about to be started from this program. */
  executing(key: string, path: string): void;
  /** It is decided that what was set aside is gone for good. @param was the name it had */
  deleting(path: string, was: string): void;
}

const MEMORY_BYTES = 2 ** 34;

/** Errors that are the host's word, and no matter of the slot. */
const LIMITS = new Set(['EAGAIN', 'ENOMEM', 'EMFILE', 'ENOSPC']);

/** The limits of an imaginary host: nobody asks for more than their names here, as every command is forced. */
const FACTS: Facts = {
  read: () => {
    throw new Error('no limit is looked at in the simulated world');
  },
  measureAgents: () => null,
  describeLimit: (code) => (LIMITS.has(code) ? { limit: `limit of ${code}`, hint: 'Raise it.' } : null),
  explain: (what, error) =>
    error instanceof FleetError
      ? error
      : new FleetError('LIMIT_REACHED', `${what}: ${(error as Error).message}`, { cause: error }),
};

/** The twin of LinuxHost on an imaginary kernel, for one life of a supervisor. */
export class FakeHost implements Host {
  readonly #world: HostWorld;
  readonly bootId: string;
  readonly processes: FakeProcesses;
  readonly sockets: FakeSockets;
  readonly files: FakeFiles;
  readonly memory: Memory;
  readonly facts: Facts = FACTS;

  constructor(world: HostWorld) {
    this.#world = world;
    this.bootId = world.kernel.bootId;
    this.files = new FakeFiles(world);
    this.processes = new FakeProcesses(world, this.files);
    this.sockets = new FakeSockets(world, this.processes);
    const rssBytes = (key: string) => (this.processes.mainOf(key) ? 2 ** 20 : null);
    this.memory = {
      readMemory: () => {
        const availableBytes = (world.faults.availablePercent() / 100) * MEMORY_BYTES;
        return { totalBytes: MEMORY_BYTES, availableBytes, pressurePercent: 0 };
      },
      rssBytes,
      pssBytes: rssBytes,
    };
  }

  now(): number {
    const { kernel, time } = this.#world;
    return kernel.sinceBoot(time.look());
  }

  date(): Date {
    return new Date(this.#world.wallMs() + this.#world.time.now);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
