import type { Containment, SlotFiles } from '../cgroup/containment.ts';
import { CgroupTree } from '../cgroup/tree.ts';
import { Reader } from '../files/reader.ts';
import type { Host } from '../host.ts';
import { readBootId, readUptimeMs } from '../proc/boot.ts';
import { Sessions } from '../process/sessions.ts';
import { linuxFacts } from './facts.ts';
import { LinuxFiles } from './files.ts';
import { LinuxMemory } from './memory.ts';
import { LinuxProcesses } from './processes.ts';
import { LinuxSockets } from './sockets.ts';

/** The real host: Linux with pidfds (5.3 or newer), and cgroups v2 if they can be written. */
export class LinuxHost implements Host {
  readonly bootId = readBootId();
  readonly processes: LinuxProcesses;
  readonly sockets: LinuxSockets;
  readonly memory: LinuxMemory;
  readonly files: LinuxFiles;
  readonly facts = linuxFacts;
  readonly #containment: Containment;
  /** The offset of the wall clock from the clock that never jumps. */
  readonly #bootOffsetMs: number;

  /**
   * @param options.id distinguishes this supervisor's agents from those of others on the host
   * @param options.notifyPath the path of the notify socket; must be free
   */
  constructor(options: { id: string; files: SlotFiles; notifyPath: string }) {
    this.#containment = CgroupTree.open(options.id) ?? new Sessions(options.files);
    this.#bootOffsetMs = readUptimeMs() - performance.now();
    this.processes = new LinuxProcesses(this.#containment, options);
    this.sockets = new LinuxSockets(this.processes);
    this.memory = new LinuxMemory((key) => this.processes.pidOf(key));
    const reader = new Reader((child) => this.processes.errands.moveOut(child));
    this.files = new LinuxFiles(reader, (keys) => this.#containment.leave(keys));
  }

  now(): number {
    return performance.now() + this.#bootOffsetMs;
  }

  date(): Date {
    return new Date();
  }

  async close(): Promise<void> {
    await this.processes.stopWatching();
    this.files.reader.close();
    this.processes.close();
    this.#containment.close();
  }
}
