import type { HelperEnd, Host, Launch, Memory } from '../../src/host/host.ts';
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
}

/** What a fake host is made of. */
export interface HostWorld {
  time: VirtualTime;
  kernel: Kernel;
  random: Random;
  gate: Gate;
  faults: Faults;
  containment: 'cgroup' | 'session';
  /** The wall clock's distance from the time of the run. */
  wallMs(): number;
  /** A supervisor has these processes from here on, and is to hear of what happens to them. */
  opened(processes: FakeProcesses): void;
  /** An agent is about to be started in a slot. */
  starting(key: string): void;
  started(process: Process): void;
  /** What a slot has on the host is about to be taken away. */
  vacating(key: string): void;
  /** The same, by the command that prepares the slot. */
  preparing(): void;
}

const MEMORY_BYTES = 2 ** 34;

/** The twin of LinuxHost on an imaginary kernel, for one life of a supervisor. */
export class FakeHost implements Host {
  readonly #world: HostWorld;
  readonly bootId: string;
  readonly processes: FakeProcesses;
  readonly sockets: FakeSockets;
  readonly files: FakeFiles;
  readonly memory: Memory;

  constructor(world: HostWorld) {
    this.#world = world;
    this.bootId = world.kernel.bootId;
    this.processes = new FakeProcesses(world);
    this.sockets = new FakeSockets(world, this.processes);
    this.files = new FakeFiles(world);
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
