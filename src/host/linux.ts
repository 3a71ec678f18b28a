import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HostMemory } from '../fleet/pressure.ts';
import type { AgentExit } from '../fleet/restart.ts';
import type { Resources } from './cgroup/limits.ts';
import { CgroupTree } from './cgroup/tree.ts';
import { readAvailableMemory } from './facts/available.ts';
import { syncDirectory } from './files/files.ts';
import { Reader } from './files/reader.ts';
import { clearSlots, handOver, type Owner, readySlot, type SlotPaths } from './files/slot-paths.ts';
import type { FoundProcess, HelperEnd, Host, ProcessId, RunningErrand, StartRequest } from './host.ts';
import { readPortRange } from './net/sock-diag.ts';
import { findListener, NotifySocket } from './net/unix.ts';
import { type PortRange, type PortTable, type Protocol, readConnections } from './proc/net.ts';
import { findSocketFd, listPids, readCommand, readPssBytes, readRssBytes } from './proc/pid.ts';
import { isGone, readProcText } from './proc/read.ts';
import { hasEnded, readCpuMs, readStat } from './proc/stat.ts';
import type { Containment, ErrandKind, SlotFiles } from './process/containment.ts';
import { EpollSet } from './process/epoll.ts';
import { endOfHook, type HookOptions } from './process/hook.ts';
import { closeFd, openPidfd, type ProcessExit, reapPid, reapPidfd, signalPidfd } from './process/pidfd.ts';
import { getLimit } from './process/rlimit.ts';
import { Sessions } from './process/sessions.ts';
import type { Launch } from './process/spawn.ts';
import { type SpawnedProcess, Spawner } from './process/spawner.ts';
import { readUsage, type Usage } from './process/usage.ts';
import { adoptForeign, type ForeignAdoption } from './strays/adopt-foreign.ts';

/** What an agent's umask is; the supervisor's own is stricter. */
const AGENT_UMASK = 0o022;
/** Added to the thousandths of memory that a process uses: the kernel ends agents well before the rest of the system. */
const AGENT_OOM_SCORE_ADJ = 500;
/** How often a slot whose processes were killed is looked at until they are gone: SIGKILL takes effect in its own time. */
const LINGER_POLL_MS = 5;
/** At most so many datagrams a turn: a chatty agent must not keep the loop from its work. */
const DATAGRAMS_MAX = 256;

/** What the end of a watched process leads to: it is to be reaped, once. */
type Watcher = (reap: () => ProcessExit | null) => void;

/** A slot's main process. */
interface Main extends ProcessId {
  pidfd: number;
  /** It is where nothing that it forks can escape. */
  hasArrived: boolean;
}

/** The real host: Linux with pidfds (5.3 or newer) and cgroups v2 where they can be written. */
export class LinuxHost implements Host {
  readonly bootId = readProcText('/proc/sys/kernel/random/boot_id') ?? 'unknown';
  readonly reader = new Reader((child) => this.#moveOut(child));
  readonly #spawner = new Spawner();
  readonly #containment: Containment;
  readonly #epoll = new EpollSet();
  readonly #watchers = new Map<number, Watcher>();
  /** Main processes by slot. */
  readonly #mains = new Map<string, Main>();
  readonly #notify: NotifySocket;
  readonly #running: Promise<void>;
  /** The wall clock's distance from the clock that never jumps. */
  readonly #bootOffsetMs: number;
  /** The descriptor that the last agent had its listening socket at. */
  #usualFd: string | null = null;
  /** The limit of open files that agents get. */
  readonly #agentNofile: { soft: number; hard: number };
  onExit: Host['onExit'] = () => {};
  onNotify: Host['onNotify'] = () => {};

  /**
   * @param options.id tells this supervisor's agents from those of others on the host
   * @param options.notifyPath where the notify socket is bound; must be free
   * @param options.nofile the soft limit of open files that agents get
   */
  constructor(options: { id: string; files: SlotFiles; notifyPath: string; nofile: number }) {
    this.#containment = CgroupTree.open(options.id) ?? new Sessions(options.files);
    this.#bootOffsetMs = Number(readProcText('/proc/uptime')!.split(' ')[0]) * 1000 - performance.now();
    const { hard } = getLimit('nofile');
    this.#agentNofile = { soft: Math.min(options.nofile, hard), hard };
    this.#notify = new NotifySocket(options.notifyPath);
    this.#epoll.add(this.#notify.fd);
    this.#running = this.#epoll.run((fds) => this.#onReadable(fds));
  }

  set onProblem(onProblem: Host['onProblem']) {
    this.#containment.onProblem = onProblem;
  }

  get containment(): 'cgroup' | 'session' {
    return this.#containment.kind;
  }

  now(): number {
    return performance.now() + this.#bootOffsetMs;
  }

  date(): Date {
    return new Date();
  }

  start(requests: readonly StartRequest[], nofile: number | null): (ProcessId | Error)[] {
    const prepared = withAgentUmask(() => requests.map((request) => this.#readyToLaunch(request, nofile)));
    const able = prepared.filter((launch): launch is Launch => !(launch instanceof Error));
    const outcomes = this.#spawner.start(able);
    return prepared.map((launch, i) => {
      if (launch instanceof Error) return launch;
      return this.#watchStarted(requests[i]!.key, outcomes.shift()!);
    });
  }

  #readyToLaunch({ key, places, owner, launch }: StartRequest, nofile: number | null): Launch | Error {
    try {
      readySlot(places, owner);
      return this.#inAgentWorld(launch, this.#containment.place(key), nofile);
    } catch (error) {
      return error as Error;
    }
  }

  /** A process's world is what is said here, whoever started the supervisor and however. */
  #inAgentWorld(launch: Launch, cgroup: string | undefined, nofile: number | null = null): Launch {
    const limit = nofile === null ? this.#agentNofile : { ...this.#agentNofile, soft: nofile };
    return {
      ...launch,
      umask: AGENT_UMASK,
      nofile: limit,
      oomScoreAdj: AGENT_OOM_SCORE_ADJ,
      ...(cgroup !== undefined && { cgroup }),
    };
  }

  #watchStarted(key: string, outcome: SpawnedProcess | Error): ProcessId | Error {
    if (outcome instanceof Error) return outcome;
    const { pid, startTicks, launch } = outcome;
    try {
      keepOrKill(pid, () => this.#watchMain(key, { pid, startTicks }, openPidfd(pid)!, launch));
    } catch (error) {
      return error as Error;
    }
    this.#containment.reattach(key, pid);
    return { pid, startTicks };
  }

  limit(fleet: string, resources: Resources | null, agents: number): void {
    this.#containment.limit(fleet, resources, agents);
  }

  unenforced(fleet: string): string | null {
    return this.#containment.unenforced(fleet);
  }

  isContained(key: string): boolean {
    const main = this.#mains.get(key);
    if (!main) return false;
    main.hasArrived ||= this.#containment.hasArrived(key, main.pid);
    return main.hasArrived;
  }

  readySlot(places: SlotPaths, owner: Owner): void {
    withAgentUmask(() => readySlot(places, owner));
  }

  handOver(places: SlotPaths, owner: Owner): Promise<void> | null {
    return handOver(places, owner);
  }

  persistSlot({ dir }: SlotPaths): void {
    for (const directory of [dir, dirname(dir), dirname(dirname(dir))]) syncDirectory(directory);
  }

  reattach(key: string, { pid, startTicks }: ProcessId): boolean {
    const pidfd = openPidfd(pid);
    if (pidfd === null) return false;
    const stat = readStat(pid);
    const isOurs = stat?.startTicks === startTicks && !hasEnded(stat);
    if (!isOurs || (this.containment === 'cgroup' && this.#containment.keyOf(pid) !== key)) {
      closeFd(pidfd);
      return false;
    }
    this.#containment.reattach(key, pid);
    this.#watchMain(key, { pid, startTicks }, pidfd, null);
    return true;
  }

  adoptForeign(intakes: readonly ForeignAdoption[]): (boolean | Error)[] {
    return adoptForeign(this.#containment, intakes).map((isThere, i) => {
      const { key, process } = intakes[i]!;
      if (isThere !== true) return isThere;
      const pidfd = openPidfd(process.pid);
      if (pidfd === null) return false;
      this.#watchMain(key, process, pidfd, null);
      return true;
    });
  }

  keyOf(pid: number): string | null {
    return this.#containment.keyOf(pid);
  }

  census(): Map<string, FoundProcess[]> {
    const found = new Map<string, FoundProcess[]>();
    for (const [key, pids] of this.#containment.census()) {
      const processes = pids.flatMap((pid) => {
        const stat = readStat(pid);
        if (!stat) return [];
        const leads = stat.session === pid && !this.#containment.isErrand(pid);
        return [{ pid, startTicks: stat.startTicks, leads }];
      });
      // Session leaders first: an agent is one from its start, what it forks becomes one only by its own doing.
      processes.sort((a, b) => Number(b.leads) - Number(a.leads) || a.startTicks - b.startTicks);
      if (processes.length > 0) found.set(key, processes);
    }
    return found;
  }

  signal(key: string, signal: string): boolean {
    const main = this.#mains.get(key);
    return main !== undefined && signalPidfd(main.pidfd, signal);
  }

  kill(key: string): void {
    for (const kill of [() => this.#containment.kill(key), () => this.signal(key, 'SIGKILL')]) {
      try {
        kill();
      } catch (error) {
        // Without cgroups, one that has become another user (setuid) is out of reach.
        this.#containment.onProblem(error as Error);
      }
    }
  }

  clear(key: string, done: () => void): void {
    void this.#untilEmpty(key).then(done);
  }

  vacate(slots: readonly { key: string; places: SlotPaths }[]): void {
    clearSlots(slots.map(({ places }) => places));
    this.#containment.leave(slots.map(({ key }) => key));
  }

  async run(launch: Launch, timeoutMs: number): Promise<HelperEnd> {
    const errand = this.#begin(launch, 'helper');
    return errand.end(timeoutMs);
  }

  async runHook(argv: readonly string[], options: HookOptions): Promise<void> {
    await endOfHook(argv, options, (launch) => this.#begin(launch, 'hook'));
  }

  /** Starts something that is of no slot. @throws Error where it cannot be started */
  #begin(launch: Launch, kind: ErrandKind): RunningErrand {
    const errand = this.#containment.errand(kind);
    const place = kind === 'helper' ? this.#inAgentWorld(launch, errand.cgroup) : launch;
    const [outcome] = this.#spawner.start([errand.cgroup ? { ...place, cgroup: errand.cgroup } : place]);
    if (outcome instanceof Error) {
      errand.done();
      throw outcome;
    }
    const { pid, launch: number } = outcome!;
    const pidfd = keepOrKill(pid, () => openPidfd(pid)!);
    const ended = new Promise<ProcessExit | null>((resolve) => {
      this.#watch(pidfd, (reap) => {
        if (kind === 'helper') errand.kill(pid);
        resolve(reap());
        errand.done();
      });
    });
    return {
      end: async (timeoutMs) => {
        let timedOut = false;
        const timer = setTimeout(() => {
          timedOut = true;
          errand.kill(pid);
        }, timeoutMs);
        const status = await ended;
        clearTimeout(timer);
        const failure = this.#spawner.failureOf(number);
        if (failure) throw failure;
        return timedOut ? null : (status ?? { code: null, signal: null });
      },
    };
  }

  /** A reader is a helper like others, started by Node: our own cgroup is for launchers and for this process alone. */
  #moveOut(child: ChildProcess): void {
    const errand = this.#containment.errand('helper');
    child.once('exit', () => errand.done());
    try {
      // Node has not reaped it, so the pid is this child's.
      if (errand.cgroup !== undefined) writeFileSync(`${errand.cgroup}/cgroup.procs`, String(child.pid));
    } catch (error) {
      if (!isGone(error)) this.#containment.onProblem(error as Error);
    }
  }

  readUsage(pids: readonly number[]): Promise<Map<number, Usage>> {
    return readUsage(pids);
  }

  readMemory(): HostMemory {
    return readAvailableMemory();
  }

  readPorts(protocol: Protocol, range: PortRange): PortTable {
    return readPortRange(protocol, range);
  }

  holds(key: string, inodes: readonly number[]): boolean {
    const main = this.#mains.get(key);
    if (!main || inodes.length === 0) return false;
    const fd = findSocketFd(main.pid, inodes, this.#usualFd);
    if (fd !== null) {
      this.#usualFd = fd;
      return true;
    }
    // A worker that the agent forked may hold it alone; rare, so the whole host is searched for it.
    return listPids().some(
      (pid) => this.#containment.keyOf(pid) === key && findSocketFd(pid, inodes, null) !== null,
    );
  }

  holderOf(inodes: readonly number[]): string | null {
    const pid = listPids().find((candidate) => findSocketFd(candidate, inodes, null) !== null);
    if (pid === undefined) return null;
    const key = this.#containment.keyOf(pid);
    return `pid ${pid} (${readCommand(pid)}${key ? `, ${key.replace('/', ' slot ')}` : ''})`;
  }

  socketProblem(key: string, path: string): string | null {
    const listener = findListener(path);
    if ('error' in listener) return `connect: ${listener.error}`;
    const isOurs =
      listener.pid === this.#mains.get(key)?.pid || this.#containment.keyOf(listener.pid) === key;
    return isOurs ? null : `served by pid ${listener.pid}, which is not the agent`;
  }

  readConnections(): Promise<Uint32Array> {
    return readConnections();
  }

  cpuMs(key: string): number | null {
    const main = this.#mains.get(key);
    return main ? readCpuMs(main.pid) : null;
  }

  rssBytes(key: string): number | null {
    const main = this.#mains.get(key);
    return main ? readRssBytes(main.pid) : null;
  }

  pssBytes(key: string): number | null {
    const main = this.#mains.get(key);
    return main ? readPssBytes(main.pid) : null;
  }

  async close(): Promise<void> {
    this.#epoll.close();
    await this.#running;
    this.#notify.close();
    this.reader.close();
    this.#containment.close();
    await this.#spawner.close();
  }

  // ── exits ──

  #watch(pidfd: number, onEnd: Watcher): void {
    this.#epoll.add(pidfd);
    this.#watchers.set(pidfd, onEnd);
  }

  /** @param launch the number of its launch; null for one that this supervisor has not started */
  #watchMain(key: string, { pid, startTicks }: ProcessId, pidfd: number, launch: number | null): void {
    this.#watch(pidfd, (reap) => {
      if (launch !== null) this.#containment.ended(pid);
      this.#ended(key, reap(), launch);
    });
    this.#mains.set(key, { pid, pidfd, startTicks, hasArrived: launch === null });
  }

  #ended(key: string, status: ProcessExit | null, launch: number | null): void {
    const exit = this.#withCause(key, status);
    const failure = launch === null ? null : this.#spawner.failureOf(launch);
    this.#mains.delete(key);
    if (!this.#isPopulated(key)) this.onExit(key, exit, failure);
    else void this.#untilEmpty(key).then(() => this.onExit(key, exit, failure));
  }

  /**
   * Whether it was the kernel that killed, for lack of memory: it counts before it sends the signal (oom_kill.c). An
   * adopted agent's status nobody can know, but where the kernel killed its slot, that was its end.
   */
  #withCause(key: string, status: ProcessExit | null): AgentExit | null {
    if (status !== null && status.signal !== 'SIGKILL') return status;
    const cause = this.#containment.oomSince(key);
    return cause === null ? status : { code: null, signal: 'SIGKILL', cause };
  }

  /** Kills what is left in a slot, again and again until nothing is. */
  async #untilEmpty(key: string): Promise<void> {
    for (let waitMs = LINGER_POLL_MS; this.#isPopulated(key); waitMs = Math.min(waitMs * 2, 1000)) {
      this.kill(key);
      await sleep(waitMs);
    }
  }

  /** Where that cannot be found out (no descriptor left), it is asked again: an exit must not be lost. */
  #isPopulated(key: string): boolean {
    try {
      return this.#containment.isPopulated(key);
    } catch (error) {
      this.#containment.onProblem(error as Error);
      return true;
    }
  }

  #onReadable(fds: number[]): void {
    for (const fd of fds) {
      try {
        if (fd === this.#notify.fd) this.#receive();
        else this.#end(fd);
      } catch (error) {
        this.#containment.onProblem(error as Error);
      }
    }
  }

  #end(pidfd: number): void {
    const watcher = this.#watchers.get(pidfd);
    this.#watchers.delete(pidfd);
    this.#epoll.remove(pidfd);
    watcher?.(() => {
      const status = reapPidfd(pidfd);
      closeFd(pidfd);
      return status;
    });
  }

  #receive(): void {
    for (let i = 0; i < DATAGRAMS_MAX; i++) {
      const datagram = this.#notify.receive();
      if (!datagram) return;
      const key = datagram.pid > 0 ? this.#containment.keyOf(datagram.pid) : null;
      if (key) this.onNotify(key, datagram.text);
    }
  }
}

/** Does what is needed to keep a child that was just started; where that fails (no descriptor left), it cannot stay. */
function keepOrKill<T>(pid: number, keep: () => T): T {
  try {
    return keep();
  } catch (error) {
    // Not reaped, so the pid is still this child's.
    process.kill(pid, 'SIGKILL');
    reapPid(pid);
    throw error;
  }
}

/** The umask is the process's own: it is set for the time of the work, within one turn of the loop. */
function withAgentUmask<T>(work: () => T): T {
  const umask = process.umask(AGENT_UMASK);
  try {
    return work();
  } finally {
    process.umask(umask);
  }
}
