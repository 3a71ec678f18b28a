import type { ProcessId } from '../../src/fleet/agent.ts';
import type { FoundProcess } from '../../src/fleet/recovery.ts';
import type { ForeignAdoption, HelperEnd, Launch, Processes, StartRequest } from '../../src/host/host.ts';
import { type Result, refusal, success } from '../../src/host/sys/result.ts';
import type { FakeFiles } from './fake-files.ts';
import type { HostWorld } from './fake-host.ts';
import { fakeOthers } from './fake-others.ts';
import { type Birth, type Nature, type Process, WELL_BEHAVED } from './kernel.ts';

/** A launcher comes to its cgroup within this time of its start, and then becomes an agent or fails. */
const CONTAINED_MS_MAX = 2_000;
/** What lingers in a slot is looked at so often. */
const LINGER_MS = 5;
const HELPER = {
  kind: 'helper',
  key: null,
  parent: null,
  nature: { ...WELL_BEHAVED, readyMs: null },
} as const;

/** A launcher that fails: it serves nobody, and ends when it gets that far. */
const NEVER_AN_AGENT: Nature = { ...WELL_BEHAVED, readyMs: null };

/** bubblewrap and its child, before that becomes the agent: it serves nobody, and ends when it is killed. */
const NOT_YET_AN_AGENT: Nature = { ...NEVER_AN_AGENT, stopMs: 0 };
/** A process is in its sandbox within this time of its start. */
const ENTERED_MS_MAX = 30;
/** The exit code of bubblewrap after its child was killed by SIGPIPE: nobody reads its report any more. */
const UNHEARD = 141;

/** A log gets its lines so often. */
const LOG_EVERY_MS = 10_000;
const ACCOUNT = { uid: 0, gid: 0, name: 'root', home: '/root' };
/** There is root, and nobody else. */
const USERS: Processes['users'] = {
  own: ACCOUNT,
  find: (name) => (name === ACCOUNT.name ? ACCOUNT : null),
  of: (uid, gid) => (uid === 0 ? ACCOUNT : { uid, gid, name: null, home: '/' }),
  groupsOf: () => [],
  findGroup: () => null,
};

/** An error as a system call has it. */
export function systemCallError(syscall: string, code: string): Error {
  return Object.assign(new Error(`${syscall}: ${code}`), { code, syscall });
}

/** Processes of an imaginary kernel, as one supervisor has them. */
export class FakeProcesses implements Processes {
  readonly #world: HostWorld;
  readonly #mains = new Map<string, Process>();
  /** Slots without a main process in which something lives, and whether it is being killed. */
  readonly #lingering = new Map<string, boolean>();
  /** Signals for main processes that are not in their sandboxes yet. */
  readonly #postponed = new WeakMap<Process, string[]>();
  readonly #files: FakeFiles;
  readonly others: Processes['others'];
  readonly users: Processes['users'] = USERS;
  readonly locale = { language: 'C.UTF-8', timeZone: 'UTC' };
  onExit: Processes['onExit'] = () => {};
  onMain: Processes['onMain'] = () => {};
  onEmpty: Processes['onEmpty'] = () => {};
  onNotify: Processes['onNotify'] = () => {};
  onProblem: Processes['onProblem'] = () => {};

  constructor(world: HostWorld, files: FakeFiles) {
    this.#world = world;
    this.#files = files;
    this.others = fakeOthers(world);
    world.opened(this);
    // What the one before left in its own cgroup is nobody's: helpers, and they are ended.
    for (const process of world.kernel.processes.values())
      if (process.kind === 'helper') world.kernel.end(process, { code: null, signal: 'SIGKILL' });
  }

  get containment(): 'cgroup' | 'session' {
    return this.#world.containment;
  }

  /** A slot's main process; undefined where nothing runs. */
  mainOf(key: string): Process | undefined {
    return this.#mains.get(key);
  }

  start(requests: readonly StartRequest[]): Result<ProcessId>[] {
    return requests.map((request) => this.#startOne(request));
  }

  #startOne({ key, launch, paths }: StartRequest): Result<ProcessId> {
    const { gate, time, kernel, faults, random, containment } = this.#world;
    gate.step(`host.start ${key}`);
    time.pass(faults.forkMs());
    try {
      this.#files.makeSlot(paths);
    } catch (error) {
      return refusal(error as Error);
    }
    const code = faults.fork();
    const isLate = code !== null && random.chance(0.5);
    if (code && !isLate) return refusal(systemCallError('posix_spawn', code));
    this.#world.starting(key);
    this.#world.executing(key, launch.path);
    const env = environmentOf(launch);
    const nature = isLate ? NEVER_AN_AGENT : faults.nature(env);
    const program = { path: launch.path, file: this.#world.disk.at(launch.path)?.id ?? '' };
    const { argv, output } = launch;
    const birth = { kind: 'agent', key, env, nature, parent: this, program, argv } as const;
    const isGuarded = launch.sandbox !== undefined;
    const main = kernel.fork(isGuarded ? { ...birth, kind: 'guard', nature: NOT_YET_AN_AGENT } : birth);
    if ('log' in output) this.#write(main, output.log);
    this.#mains.set(key, main);
    if (isGuarded && !isLate) this.#enterSoon(key, main, birth);
    this.#world.started(main);
    time.after(containment === 'session' ? 0 : random.between(1, CONTAINED_MS_MAX), () => {
      main.isContained = true;
      if (!isLate || !kernel.isAlive(main)) return;
      main.failure = systemCallError('execve', code);
      kernel.end(main, { code: 127, signal: null });
    });
    return success({ pid: main.pid, startTicks: main.startTicks });
  }

  /** bubblewrap comes to the point where its child becomes the agent. */
  #enterSoon(key: string, guard: Process, birth: Birth): void {
    const { time, random, kernel, gate } = this.#world;
    this.#postponed.set(guard, []);
    time.after(random.between(1, ENTERED_MS_MAX), () => {
      // Who is being killed forks no more.
      if (!kernel.isAlive(guard) || guard.isSignalled) return;
      if (gate.isDead) return kernel.end(guard, { code: UNHEARD, signal: null });
      const main = kernel.fork({ ...birth, parentPid: guard.pid });
      main.isContained = true;
      this.#world.started(main);
      time.arrive(() => {
        if (this.#mains.get(key) !== guard || !kernel.isAlive(main)) return;
        this.#mains.set(key, main);
        for (const signal of this.#postponed.get(guard)!) kernel.signal(main, signal);
        this.onMain(key, { pid: main.pid, startTicks: main.startTicks });
      });
    });
  }

  /** An agent writes to its log as long as it lives. */
  #write(main: Process, path: string): void {
    const { kernel, time, disk } = this.#world;
    if (!kernel.isAlive(main)) return;
    disk.append(path, `pid ${main.pid} runs\n`, main.nature.logBytes);
    time.after(LOG_EVERY_MS, () => this.#write(main, path));
  }

  /** Something has ended: what the loop hears of it, if it was an agent that is watched. */
  ended(process: Process): void {
    const { key } = process;
    if (key === null || this.#mains.get(key) !== process) return;
    this.#world.time.arrive(() => {
      this.#mains.delete(key);
      const left = this.#world.kernel.inSlot(key).length;
      if (left > 0) this.#linger(key);
      this.onExit(key, process.parent === this ? process.exit : null, process.failure ?? null, left);
    });
  }

  /** An agent serves now, and says so. */
  served({ key, env, pid }: Process): void {
    if (key === null || env.NOTIFY_SOCKET === undefined) return;
    this.#world.time.arrive(() => this.onNotify(key, 'READY=1\nWATCHDOG=1', pid));
  }

  limit(): void {}

  unenforced(): null {
    return null;
  }

  isContained(key: string): boolean {
    return this.#mains.get(key)?.isContained ?? false;
  }

  reattach(key: string, process: ProcessId): boolean {
    const { gate, kernel, containment } = this.#world;
    gate.step(`host.adopt ${key} pid ${process.pid}`);
    const found = kernel.find(process);
    if (!found || (containment === 'cgroup' && found.key !== key)) return false;
    this.#mains.set(key, found);
    return true;
  }

  adoptForeign(intakes: readonly ForeignAdoption[]): Result<boolean>[] {
    const { gate, kernel, faults } = this.#world;
    return intakes.map(({ key, process }) => {
      gate.step(`host.adoptForeign ${key} pid ${process.pid}`);
      const found = kernel.find(process);
      if (!found) return success(false);
      const code = faults.move();
      if (code !== null) return refusal(systemCallError('write', code));
      for (const each of kernel.processes.values())
        if (each === found || (each.parentPid === found.pid && each.key === null)) this.#moveIn(each, key);
      found.kind = 'agent';
      this.#mains.set(key, found);
      return success(true);
    });
  }

  #moveIn(process: Process, key: string): void {
    this.#world.adopting(process, key);
    Object.assign(process, { kind: 'worker', key, isContained: true });
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
          left.map(({ pid, startTicks, kind }) => ({
            pid,
            startTicks,
            leads: kind === 'agent',
            ...(kind === 'guard' && { guards: true }),
          })),
        );
    }
    return found;
  }

  signal(key: string, signal: string): boolean {
    const { gate, kernel } = this.#world;
    gate.step(`host.signal ${key} ${signal}`);
    const main = this.#mains.get(key);
    if (!main || !kernel.isAlive(main)) return false;
    const postponed = this.#postponed.get(main);
    if (postponed) postponed.push(signal);
    else kernel.signal(main, signal);
    return true;
  }

  signalAll(key: string, signal: string): { sent: number; refusal: string | null } {
    const { gate, kernel } = this.#world;
    gate.step(`host.signalAll ${key} ${signal}`);
    const main = this.#mains.get(key);
    if (main?.kind === 'guard') return { sent: Number(this.signal(key, signal)), refusal: null };
    const processes = kernel.inSlot(key).filter(({ kind }) => kind !== 'guard');
    for (const process of processes) kernel.signal(process, signal);
    return { sent: processes.length, refusal: null };
  }

  succeed(): Result<ProcessId> {
    return refusal(new Error('nobody here names a successor'));
  }

  trySandbox(): Promise<void> {
    return Promise.resolve();
  }

  kill(key: string): void {
    this.#world.gate.step(`host.kill ${key}`);
    if (this.#lingering.has(key)) this.#lingering.set(key, true);
    const postponed = this.#postponed.get(this.#mains.get(key)!);
    // Without cgroups, an agent that has lost its guard could not be found any more.
    if (postponed && this.containment === 'session') postponed.push('SIGKILL');
    else this.#killAll(key);
  }

  watchRemnants(key: string): void {
    this.#world.gate.step(`host.watchRemnants ${key}`);
    this.#linger(key);
  }

  async run(launch: Launch, timeoutMs: number, signal?: AbortSignal): Promise<HelperEnd> {
    const { gate, kernel, time, faults } = this.#world;
    gate.step(`host.run ${launch.argv.join(' ')}`);
    const fate = faults.helper(launch);
    if ('error' in fate)
      throw Object.assign(new Error(fate.error), { code: fate.error, syscall: 'posix_spawn' });
    const helper = kernel.fork({ ...HELPER, env: environmentOf(launch) });
    return new Promise((resolve) => {
      const end = (how: HelperEnd) => {
        if (!kernel.isAlive(helper)) return;
        kernel.end(helper, { code: 0, signal: null });
        if (!gate.isDead) time.arrive(() => resolve(how));
      };
      time.after(Math.min(fate.ms, timeoutMs), () => end(fate.ms > timeoutMs ? null : fate.end));
      signal?.addEventListener('abort', () => end(null), { once: true });
    });
  }

  runHook(): Promise<void> {
    return Promise.resolve();
  }

  readUsage(): ReturnType<Processes['readUsage']> {
    return Promise.resolve(new Map());
  }

  cpuMs(key: string): number | null {
    return this.#mains.has(key) ? 1 : null;
  }

  #killAll(key: string): void {
    const { kernel } = this.#world;
    for (const process of kernel.inSlot(key)) kernel.signal(process, 'SIGKILL');
  }

  /** Looks at a slot without a main process until nothing lives in it. */
  #linger(key: string): void {
    const { kernel, time, gate } = this.#world;
    this.#lingering.set(key, this.#lingering.get(key) ?? false);
    const look = (): void => {
      if (gate.isDead) return;
      if (kernel.inSlot(key).length === 0) {
        this.#lingering.delete(key);
        this.onEmpty(key);
        return;
      }
      if (this.#lingering.get(key)) this.#killAll(key);
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
