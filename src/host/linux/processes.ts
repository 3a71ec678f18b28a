import type { ProcessId } from '../../fleet/agent.ts';
import type { AgentExit } from '../../fleet/exit.ts';
import type { FoundProcess } from '../../fleet/recovery.ts';
import type { Containment } from '../cgroup/containment.ts';
import type { Resources } from '../cgroup/limits.ts';
import { readySlot } from '../files/slot-paths.ts';
import type { Launch } from '../launcher/launch.ts';
import { NotifySocket } from '../net/unix.ts';
import { pidNamespaceOf } from '../proc/pid.ts';
import { hasEnded, readCpuMs, readStat } from '../proc/stat.ts';
import { adoptForeign } from '../process/adopt-foreign.ts';
import { AgentWorld, withAgentUmask } from '../process/agent-world.ts';
import type { HelperEnd, HookOptions } from '../process/errand.ts';
import { Errands } from '../process/errands.ts';
import { ExitWatch } from '../process/exit-watch.ts';
import { hostLocale } from '../process/locale.ts';
import { reapOrphans } from '../process/orphans.ts';
import { trySandbox } from '../process/sandbox.ts';
import { type SpawnedProcess, Spawner } from '../process/spawner.ts';
import { readUsage, type Usage } from '../process/usage.ts';
import { linuxUsers } from '../process/users.ts';
import type { Processes, StartRequest } from '../processes.ts';
import { currentTicks } from '../sys/clock.ts';
import { closeFd, isAlive, openPidfd, type ProcessExit, signalPidfd } from '../sys/pidfd.ts';
import { type ForeignAdoption, TICKS_PER_SECOND } from '../sys/process-id.ts';
import { attempt, type Result, refusal, success } from '../sys/result.ts';
import { Census } from './census.ts';
import { Lingering } from './lingering.ts';
import { type Main, Mains } from './mains.ts';
import { linuxOthers } from './others.ts';

/** The maximum number of datagrams per turn: a chatty agent must not block the loop. */
const DATAGRAMS_MAX = 256;

/** An agent that is killed this early may have died of its cgroup (CgroupTree.place). */
const EARLY_TICKS = TICKS_PER_SECOND;

/** Agents on Linux: started by posix_spawn, contained by cgroups or sessions, watched and signalled through pidfds. */
export class LinuxProcesses implements Processes {
  readonly others = linuxOthers;
  readonly users = linuxUsers;
  readonly locale = hostLocale();
  readonly errands: Errands;
  readonly #containment: Containment;
  readonly #spawner: Spawner;
  readonly #watch = new ExitWatch();
  readonly #mains: Mains;
  readonly #lingering: Lingering;
  readonly #census: Census;
  readonly #notify: NotifySocket;
  readonly #world = new AgentWorld();
  readonly #stopReaping: () => void;
  onExit: Processes['onExit'] = () => {};
  onMain: Processes['onMain'] = () => {};
  onEmpty: Processes['onEmpty'] = () => {};
  onNotify: Processes['onNotify'] = () => {};

  /** @param options.notifyPath the path of the notify socket; must be free */
  constructor(containment: Containment, options: { notifyPath: string }) {
    this.#containment = containment;
    this.#census = new Census(containment);
    this.#spawner = new Spawner((pid) => containment.house(pid));
    this.errands = new Errands({
      containment,
      spawner: this.#spawner,
      watch: this.#watch,
      world: this.#world,
    });
    this.#mains = new Mains({
      watch: this.#watch,
      containment,
      takeEntries: () => this.#spawner.takeEntries(),
      onMain: (key, { pid, startTicks }) => this.onMain(key, { pid, startTicks }),
      // Not reaped yet, it still can be asked for its slot.
      beforeEnd: () => this.#receive(),
      onEnd: (key, main, exit) => this.#ended(key, main, exit),
      forget: (launch) => void this.#spawner.failureOf(launch, null),
    });
    this.#lingering = new Lingering({
      containment,
      kill: (key) => this.kill(key),
      onEmpty: (key) => this.onEmpty(key),
    });
    this.#notify = new NotifySocket(options.notifyPath);
    this.#spawner.watchEntries(
      (fd, onReadable) => this.#watch.watchReadable(fd, onReadable),
      () => this.#mains.enter(),
    );
    this.#watch.watchReadable(this.#notify.fd, () => this.#receive());
    this.#watch.onProblem = (error) => containment.onProblem(error);
    this.#stopReaping = reapOrphans((pid) => this.#watch.reaps(pid) || this.#spawner.reap(pid));
  }

  set onProblem(onProblem: Processes['onProblem']) {
    this.#containment.onProblem = onProblem;
  }

  get containment(): 'cgroup' | 'session' {
    return this.#containment.kind;
  }

  start(requests: readonly StartRequest[]): Result<ProcessId>[] {
    const prepared = withAgentUmask(() =>
      requests.map((request) => attempt(() => this.#readyToLaunch(request))),
    );
    const outcomes = this.#spawner.start(prepared.flatMap((each) => (each.ok ? [each.value] : [])));
    return prepared.map((each, i) => {
      if (!each.ok) return each;
      const outcome = outcomes.shift()!;
      const { key } = requests[i]!;
      if (outcome.ok) return attempt(() => this.#watchStarted(key, outcome.value));
      this.#containment.renew(key);
      return outcome;
    });
  }

  #readyToLaunch({ key, paths, owner, launch }: StartRequest): Launch {
    readySlot(paths, owner);
    return this.#world.around(launch, this.#containment.place(key));
  }

  #watchStarted(key: string, spawned: SpawnedProcess): ProcessId {
    this.#mains.started(key, spawned);
    return { pid: spawned.pid, startTicks: spawned.startTicks };
  }

  limit(fleet: string, resources: Resources | null, agents: number): void {
    this.#containment.limit(fleet, resources, agents);
  }

  unenforced(fleet: string): string | null {
    return this.#containment.unenforced(fleet);
  }

  isContained(key: string): boolean {
    const main = this.#mains.get(key);
    if (!main || this.#mains.isEntering(key)) return false;
    main.hasArrived ||= this.#containment.hasArrived(key, main.pid);
    return main.hasArrived;
  }

  reattach(key: string, { pid, startTicks }: ProcessId): boolean {
    const pidfd = this.#census.pidfdOf({ pid, startTicks });
    if (pidfd === null) return false;
    if (!this.#census.isIn(key, { pid, startTicks })) {
      closeFd(pidfd);
      return false;
    }
    this.#containment.reattach(key, pid);
    this.#mains.follow(key, { pid, startTicks, pidfd, hasArrived: true, launch: null });
    const guard = this.#census.guardOf(key, pid);
    if (guard !== null) this.#mains.followGuard(key, guard);
    return true;
  }

  adoptForeign(intakes: readonly ForeignAdoption[]): Result<boolean>[] {
    return adoptForeign(this.#containment, intakes).map((taken, i) => {
      const { key, process } = intakes[i]!;
      if (!taken.ok || !taken.value) return taken;
      const pidfd = openPidfd(process.pid);
      if (pidfd !== null) this.#mains.follow(key, { ...process, pidfd, hasArrived: true, launch: null });
      return { ok: true, value: pidfd !== null };
    });
  }

  keyOf(pid: number): string | null {
    return this.#containment.keyOf(pid);
  }

  /** The pid of a slot's main process; null if nothing runs. */
  pidOf(key: string): number | null {
    const main = this.#mains.get(key);
    return main === undefined || main.hasEnded ? null : main.pid;
  }

  census(): Map<string, FoundProcess[]> {
    return this.#census.take();
  }

  signal(key: string, signal: string): boolean {
    return this.#mains.signal(key, signal);
  }

  signalAll(key: string, signal: string): { sent: number; refusal: string | null } {
    if (this.#mains.isEntering(key)) return { sent: Number(this.signal(key, signal)), refusal: null };
    let sent = 0;
    let refusal: string | null = null;
    const guard = this.#mains.guardOf(key);
    for (const pid of this.#containment.members(key)) {
      if (pid === guard) continue;
      const pidfd = openPidfd(pid);
      if (pidfd === null) continue;
      try {
        // The pidfd is older than this look: what is in the slot now is the process behind it.
        if (this.#containment.keyOf(pid) === key && signalPidfd(pidfd, signal)) sent++;
      } catch (error) {
        // A process that has changed its user (setuid) is out of reach.
        refusal = `process ${pid}: ${(error as Error).message}`;
      } finally {
        closeFd(pidfd);
      }
    }
    return { sent, refusal };
  }

  succeed(key: string, pid: number, sender: number | null): Result<ProcessId> {
    if (sender !== null && pidNamespaceOf(sender) !== pidNamespaceOf('self'))
      return refusal(new Error('it was named by a number of another pid namespace'));
    if (pid === this.#mains.guardOf(key))
      return refusal(new Error(`process ${pid} is bubblewrap, not the agent`));
    const main = this.#mains.get(key);
    if (main?.pid === pid && !main.hasEnded) return success({ pid, startTicks: main.startTicks });
    const pidfd = openPidfd(pid);
    const stat = pidfd === null ? null : readStat(pid);
    const isThere = stat !== null && !hasEnded(stat) && this.#containment.keyOf(pid) === key;
    if (pidfd === null || !isThere || !isAlive(pidfd)) {
      if (pidfd !== null) closeFd(pidfd);
      return refusal(new Error(`process ${pid} does not live in the slot`));
    }
    this.#lingering.forget(key);
    this.#mains.follow(key, { pid, startTicks: stat.startTicks, pidfd, hasArrived: true, launch: null });
    return success({ pid, startTicks: stat.startTicks });
  }

  trySandbox(): Promise<void> {
    return trySandbox();
  }

  kill(key: string): void {
    this.#lingering.killed(key);
    const main = this.#mains.get(key);
    if (main) main.isKilled = true;
    for (const kill of [() => this.#containment.kill(key), () => this.signal(key, 'SIGKILL')]) {
      try {
        kill();
      } catch (error) {
        // Without cgroups, a process that has changed its user (setuid) is out of reach.
        this.#containment.onProblem(error as Error);
      }
    }
  }

  watchRemnants(key: string): void {
    void this.#lingering.watch(key, false);
  }

  run(launch: Launch, timeoutMs: number, signal?: AbortSignal): Promise<HelperEnd> {
    return this.errands.run(launch, timeoutMs, signal);
  }

  runHook(argv: readonly string[], options: HookOptions): Promise<void> {
    return this.errands.runHook(argv, options);
  }

  readUsage(pids: readonly number[]): Promise<Map<number, Usage>> {
    return readUsage(pids);
  }

  cpuMs(key: string): number | null {
    const pid = this.pidOf(key);
    return pid === null ? null : readCpuMs(pid);
  }

  /** Stops watching; agents continue. */
  async stopWatching(): Promise<void> {
    this.#stopReaping();
    await this.#watch.close();
    this.#notify.close();
  }

  /** Ends the launcher; agents continue. */
  close(): void {
    this.#spawner.close();
  }

  // ── exits ──

  #ended(key: string, main: Main, status: ProcessExit | null): void {
    const exit = this.#withCause(key, status);
    const failure = main.launch === null ? null : this.#spawner.failureOf(main.launch, status);
    this.#renewAfter(key, main, status, failure);
    this.#mains.delete(key);
    const left = this.#lingering.countIn(key);
    if (left > 0) void this.#lingering.watch(key, main.isKilled === true);
    this.onExit(key, exit, failure, left);
  }

  /**
   * Others may have removed a slot's cgroup, or have written to cgroup.kill of a fleet, which kills in all its slots: no
   * agent could start there any more.
   */
  #renewAfter(key: string, main: Main, status: ProcessExit | null, failure: Error | null): void {
    const { startTicks } = main;
    const isKilledEarly = status?.signal === 'SIGKILL' && currentTicks() - startTicks < EARLY_TICKS;
    if (isKilledEarly || failure) this.#containment.renew(key);
  }

  /**
   * Adds the cause if the kernel killed for lack of memory: it counts before it sends the signal (oom_kill.c). The exit
   * status of an adopted agent is unknown, but if the kernel killed in its slot, that was its end.
   */
  #withCause(key: string, status: ProcessExit | null): AgentExit | null {
    if (status !== null && status.signal !== 'SIGKILL') return status;
    const cause = this.#containment.oomSince(key);
    return cause === null ? status : { code: null, signal: 'SIGKILL', cause };
  }

  #receive(): void {
    // Whose message it is may depend on who has become an agent (Sessions).
    this.#mains.enter();
    for (let i = 0; i < DATAGRAMS_MAX; i++) {
      const datagram = this.#notify.receive();
      if (!datagram) return;
      const key = datagram.pid > 0 ? this.#containment.keyOf(datagram.pid) : null;
      if (key) this.onNotify(key, datagram.text, datagram.pid);
    }
  }
}
