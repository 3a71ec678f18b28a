import type { HostMemory } from '../../src/fleet/pressure.ts';
import { type ReadRequest, readOthers, type Value } from '../../src/host/files/others.ts';
import type { SlotPaths } from '../../src/host/files/slot-paths.ts';
import type { FoundProcess, HelperEnd, Host, ProcessId, StartRequest } from '../../src/host/host.ts';
import { PortTable } from '../../src/host/proc/net.ts';
import type { Launch } from '../../src/host/process/spawn.ts';
import type { Gate } from './gate.ts';
import { type Kernel, type Nature, type Process, WELL_BEHAVED } from './kernel.ts';
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
  /** A supervisor has a host from here on, and is to hear of what happens. */
  opened(host: FakeHost): void;
  /** An agent is about to be started in a slot. */
  starting(key: string): void;
  started(process: Process): void;
  /** What a slot has on the host is about to be taken away. */
  vacating(key: string): void;
  /** The same, by the command that prepares the slot. */
  preparing(): void;
}

/** A launcher comes to its cgroup within this time of its start, and then becomes an agent or fails. */
const CONTAINED_MS_MAX = 2_000;
/** What lingers in a slot is looked at so often. */
const LINGER_MS = 5;
const MEMORY_BYTES = 2 ** 34;
const HELPER = {
  kind: 'helper',
  key: null,
  parent: null,
  nature: { ...WELL_BEHAVED, readyMs: null },
} as const;

/** A launcher that fails: it serves nobody, and ends when it gets that far. */
const NEVER_AN_AGENT: Nature = { ...WELL_BEHAVED, readyMs: null };

function systemCallError(syscall: string, code: string): Error {
  return Object.assign(new Error(`${syscall}: ${code}`), { code, syscall });
}

/** The twin of LinuxHost on an imaginary kernel, for one life of a supervisor. */
export class FakeHost implements Host {
  readonly #world: HostWorld;
  readonly #mains = new Map<string, Process>();
  readonly bootId: string;
  /** At once: the files of the specs are the machine's own, and nothing of the run's time passes. */
  readonly reader = {
    ask: async <T extends ReadRequest>(question: T) => readOthers(question) as Value<T>,
    askAll: async <T extends ReadRequest>(questions: readonly T[]) =>
      questions.map((question) => readOthers(question) as Value<T>),
  };
  onExit: Host['onExit'] = () => {};
  onNotify: Host['onNotify'] = () => {};
  onProblem: Host['onProblem'] = () => {};

  constructor(world: HostWorld) {
    this.#world = world;
    this.bootId = world.kernel.bootId;
    world.opened(this);
    // What the one before left in its own cgroup is nobody's: helpers, and they are ended.
    for (const process of world.kernel.processes.values())
      if (process.kind === 'helper') world.kernel.end(process, { code: null, signal: 'SIGKILL' });
  }

  get containment(): 'cgroup' | 'session' {
    return this.#world.containment;
  }

  now(): number {
    const { kernel, time } = this.#world;
    return kernel.sinceBoot(time.look());
  }

  date(): Date {
    return new Date(this.#world.wallMs() + this.#world.time.now);
  }

  start(requests: readonly StartRequest[]): (ProcessId | Error)[] {
    return requests.map((request) => this.#startOne(request));
  }

  #startOne({ key, launch }: StartRequest): ProcessId | Error {
    const { gate, time, kernel, faults, random, containment } = this.#world;
    gate.step(`host.start ${key}`);
    time.pass(faults.forkMs());
    const code = faults.fork();
    const isLate = code !== null && random.chance(0.5);
    if (code && !isLate) return systemCallError('posix_spawn', code);
    this.#world.starting(key);
    const env = environmentOf(launch);
    const nature = isLate ? NEVER_AN_AGENT : faults.nature(env);
    const main = kernel.fork({ kind: 'agent', key, env, nature, parent: this });
    this.#mains.set(key, main);
    this.#world.started(main);
    time.after(containment === 'session' ? 0 : random.between(1, CONTAINED_MS_MAX), () => {
      main.isContained = true;
      if (!isLate || !kernel.isAlive(main)) return;
      main.failure = systemCallError('execve', code);
      kernel.end(main, { code: 127, signal: null });
    });
    return { pid: main.pid, startTicks: main.startTicks };
  }

  /** Something has ended: what the loop hears of it, if it was an agent that is watched. */
  ended(process: Process): void {
    const { key } = process;
    if (key === null || this.#mains.get(key) !== process) return;
    this.#world.time.arrive(() => {
      this.#mains.delete(key);
      this.#whenEmpty(key, () =>
        this.onExit(key, process.parent === this ? process.exit : null, process.failure ?? null),
      );
    });
  }

  /** An agent serves now, and says so. */
  served({ key, env }: Process): void {
    if (key === null || env.NOTIFY_SOCKET === undefined) return;
    this.#world.time.arrive(() => this.onNotify(key, 'READY=1\nWATCHDOG=1'));
  }

  limit(): void {}

  unenforced(): null {
    return null;
  }

  isContained(key: string): boolean {
    return this.#mains.get(key)?.isContained ?? false;
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

  reattach(key: string, process: ProcessId): boolean {
    const { gate, kernel, containment } = this.#world;
    gate.step(`host.adopt ${key} pid ${process.pid}`);
    const found = kernel.find(process);
    if (!found || (containment === 'cgroup' && found.key !== key)) return false;
    this.#mains.set(key, found);
    return true;
  }

  adoptForeign(): boolean[] {
    throw new Error('strays are not part of the simulated world');
  }

  keyOf(pid: number): string | null {
    return this.#world.kernel.processes.get(pid)?.key ?? null;
  }

  census(): Map<string, FoundProcess[]> {
    const { gate, kernel, random } = this.#world;
    gate.step('host.census');
    const found = new Map<string, FoundProcess[]>();
    for (const key of new Set([...kernel.processes.values()].map((process) => process.key))) {
      if (key === null) continue;
      for (const process of kernel.inSlot(key)) {
        // A launcher on its way: it arrives while the census waits for it, or is ended.
        if (!process.isContained && random.chance(0.5))
          kernel.end(process, { code: null, signal: 'SIGKILL' });
        process.isContained = true;
      }
      const left = kernel.inSlot(key);
      if (left.length > 0)
        found.set(
          key,
          left.map(({ pid, startTicks, kind }) => ({ pid, startTicks, leads: kind === 'agent' })),
        );
    }
    return found;
  }

  signal(key: string, signal: string): boolean {
    const { gate, kernel } = this.#world;
    gate.step(`host.signal ${key} ${signal}`);
    const main = this.#mains.get(key);
    if (!main || !kernel.isAlive(main)) return false;
    kernel.signal(main, signal);
    return true;
  }

  kill(key: string): void {
    this.#world.gate.step(`host.kill ${key}`);
    this.#killAll(key);
  }

  clear(key: string, done: () => void): void {
    this.#world.gate.step(`host.clear ${key}`);
    this.#whenEmpty(key, done);
  }

  vacate(slots: readonly { key: string }[]): void {
    const { gate, kernel } = this.#world;
    for (const { key } of slots) {
      gate.step(`host.vacate ${key}`);
      this.#world.vacating(key);
      kernel.places.delete(key);
    }
  }

  async run(launch: Launch, timeoutMs: number): Promise<HelperEnd> {
    const { gate, kernel, time, faults } = this.#world;
    gate.step(`host.run ${launch.argv.join(' ')}`);
    const fate = faults.helper(launch);
    if ('error' in fate)
      throw Object.assign(new Error(fate.error), { code: fate.error, syscall: 'posix_spawn' });
    const helper = kernel.fork({ ...HELPER, env: environmentOf(launch) });
    return new Promise((resolve) => {
      time.after(Math.min(fate.ms, timeoutMs), () => {
        if (!kernel.isAlive(helper)) return;
        kernel.end(helper, { code: 0, signal: null });
        const isLate = fate.ms > timeoutMs;
        if (!gate.isDead) time.arrive(() => resolve(isLate ? null : fate.end));
      });
    });
  }

  runHook(): Promise<void> {
    return Promise.resolve();
  }

  readPorts(): PortTable {
    const inodes = new Map<number, number[]>();
    for (const { env, isReady, pid } of this.#world.kernel.processes.values())
      if (isReady && env.FLEET_PORT) inodes.set(Number(env.FLEET_PORT), [pid]);
    const table = new PortTable();
    for (const [port, pids] of inodes) for (const pid of pids) table.add(port, pid, '00000000');
    return table;
  }

  /** A socket's inode is the pid of who serves it. */
  holds(key: string, inodes: readonly number[]): boolean {
    return inodes.some((pid) => this.#world.kernel.processes.get(pid)?.key === key);
  }

  holderOf(inodes: readonly number[]): string | null {
    return inodes.length > 0 ? `pid ${inodes[0]}` : null;
  }

  socketProblem(key: string): string | null {
    const main = this.#mains.get(key);
    return main?.isReady && this.#world.kernel.isAlive(main) ? null : 'connect: ECONNREFUSED';
  }

  readConnections(): Promise<Uint32Array> {
    return Promise.resolve(new Uint32Array(2 ** 16));
  }

  readMemory(): HostMemory {
    const availableBytes = (this.#world.faults.availablePercent() / 100) * MEMORY_BYTES;
    return { totalBytes: MEMORY_BYTES, availableBytes, pressurePercent: 0 };
  }

  readUsage(): ReturnType<Host['readUsage']> {
    return Promise.resolve(new Map());
  }

  rssBytes(key: string): number | null {
    return this.#mains.has(key) ? 2 ** 20 : null;
  }

  cpuMs(key: string): number | null {
    return this.#mains.has(key) ? 1 : null;
  }

  pssBytes(key: string): number | null {
    return this.rssBytes(key);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #killAll(key: string): void {
    const { kernel } = this.#world;
    for (const process of kernel.inSlot(key)) kernel.signal(process, 'SIGKILL');
  }

  #whenEmpty(key: string, done: () => void): void {
    const { kernel, time, gate } = this.#world;
    const look = (): void => {
      if (gate.isDead) return;
      if (kernel.inSlot(key).length === 0) {
        done();
        return;
      }
      this.#killAll(key);
      time.after(LINGER_MS, () => time.arrive(look));
    };
    time.arrive(look);
  }
}

function environmentOf({ env }: Launch): Record<string, string> {
  return Object.fromEntries(
    env.map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}
