import type { ProcessId } from '../../fleet/agent.ts';
import { type Answer, readAnswer } from '../launcher/answer.ts';
import { baselineCalls, ownHardLimit } from '../launcher/baseline.ts';
import type { Architecture } from '../launcher/image.ts';
import type { Launch } from '../launcher/launch.ts';
import { LauncherProcess } from '../launcher/launcher-process.ts';
import { orderFor } from '../launcher/order.ts';
import { type Entry, Reports } from '../launcher/reports.ts';
import { compileOrder, STEP_BYTES } from '../launcher/script.ts';
import { readCgroups } from '../proc/cgroup.ts';
import { readStat } from '../proc/stat.ts';
import { readPermitted } from '../proc/status.ts';
import { SystemCallError } from '../sys/libc.ts';
import { orKill, type ProcessExit } from '../sys/pidfd.ts';
import { attempt, type Result, refusal } from '../sys/result.ts';

/** A process that was started. */
export interface SpawnedProcess extends ProcessId {
  /** The number of its launch. */
  launch: number;
  /** Whether it is in its cgroup already; else its launcher's child moves there as its first act. */
  hasArrived: boolean;
  /** It is a wrapper's, whose child becomes the program: `takeEntries` has that one's pid. */
  isWrapped: boolean;
}

/** The launcher has at most so many orders without an answer, so that all answers have room in the socket. */
const ORDERS_MAX = 64;
/** The errors of clone3(2) if the kernel, or a sandbox, cannot start a process in a cgroup. */
const UNSUPPORTED = new Set(['ENOSYS', 'EINVAL', 'EPERM', 'E2BIG', 'EOPNOTSUPP']);

/** The errors of a socket whose other end has closed, or does not read. */
const ENDED = new Set(['EPIPE', 'ECONNRESET', 'EAGAIN']);
/** On a host that swaps, a fork can take seconds; nothing else has a turn meanwhile. */
const PATIENCE_MS = 10_000;
const TRIES = 2;

/** A launch, and the number by which its answer and its report are known. */
interface Order {
  launch: Launch;
  number: number;
}

/**
 * Starts processes through the launcher (launcher/README.md), which has almost no memory and no descriptors. A fork of
 * this process would copy its table of descriptors, and the child would close all of it again: 0.43 ms with an empty
 * table, 1.14 with a pidfd for each of 10,000 agents.
 */
export class Spawner {
  readonly #reports = new Reports();
  readonly #answers = Buffer.alloc(STEP_BYTES * ORDERS_MAX);
  readonly #onLauncher: (pid: number) => void;
  readonly #patienceMs: number;
  #launcher: LauncherProcess | null;
  /** The cgroups of this process in all hierarchies when it started the launcher. */
  #cgroups: string | null = null;
  #abilities = { architecture: process.arch as Architecture, bornInCgroup: true };

  /**
   * @param onLauncher called with the pid of every launcher that is started
   * @param patienceMs the time after which a launcher that answers nothing (stopped, say) is killed and replaced
   * @throws SystemCallError if the launcher cannot be started; EACCES if vm.memfd_noexec forbids it
   */
  constructor(onLauncher: (pid: number) => void, patienceMs = PATIENCE_MS) {
    this.#onLauncher = onLauncher;
    this.#patienceMs = patienceMs;
    this.#launcher = this.#startLauncher();
  }

  /** The pid of the launcher. */
  get launcherPid(): number | null {
    return this.#launcher?.pid ?? null;
  }

  /**
   * Starts processes, each in a session of its own with nothing but what its launch names, and waits until they are
   * forked, so that they are known before anything else happens. What fails after the fork comes as a report, and the
   * process exits with 127.
   * @returns for each the process, or the reason: a SystemCallError with the errno of the failure
   */
  start(launches: readonly Launch[]): Result<SpawnedProcess>[] {
    this.#follow();
    const results: Result<SpawnedProcess>[] = [];
    for (let at = 0; at < launches.length; at += ORDERS_MAX) {
      results.push(...this.#startSome(launches.slice(at, at + ORDERS_MAX)));
    }
    return results;
  }

  /** Why the program of a launch that has ended in this way was not executed; null if it was. Valid once. */
  failureOf(launch: number, exit: ProcessExit | null): Error | null {
    return this.#reports.take(launch, exit);
  }

  /**
   * Calls back when launches have come through their wrappers, in a turn of its own.
   * @param watch calls back whenever a descriptor is readable
   */
  watchEntries(watch: (fd: number, onReadable: () => void) => void, onEntries: () => void): void {
    this.#reports.onEntries = onEntries;
    watch(this.#reports.readFd, () => this.#reports.drain());
  }

  /** The launches that have come through their wrappers since the last call. */
  takeEntries(): Entry[] {
    return this.#reports.takeEntries();
  }

  /**
   * Reaps the launcher if it is this process, which has ended; the next start makes another one.
   * @returns whether it was the launcher
   */
  reap(pid: number): boolean {
    if (this.#launcher?.pid !== pid) return false;
    this.#launcher.close();
    this.#launcher = null;
    return true;
  }

  /** Ends the launcher; what it has started continues. */
  close(): void {
    this.#launcher?.close();
    this.#launcher = null;
    this.#reports.close();
  }

  #startLauncher(): LauncherProcess {
    this.#cgroups = readCgroups('self');
    const launcher = new LauncherProcess(this.#reports.fd, this.#patienceMs);
    this.#onLauncher(launcher.pid);
    this.#setUp(launcher);
    return launcher;
  }

  /**
   * Frees a launcher of what it has of whoever started this process.
   * @throws SystemCallError if it does not answer; it is ended then, so that no late answer is taken for another one's
   */
  #setUp(launcher: LauncherProcess): void {
    const calls = baselineCalls(this.#abilities.architecture, {
      hard: ownHardLimit,
      permitted: readPermitted(launcher.pid),
    });
    const sent = attempt(() => launcher.send(compileOrder(0, calls)!));
    if (sent.ok && launcher.receive(this.#answers.subarray(0, STEP_BYTES), 0) === STEP_BYTES) return;
    launcher.close();
    throw SystemCallError.named('launcher', 'EPIPE');
  }

  /** Children inherit cgroups (v1) and limits of the launcher: where this process was moved, a new one has its. */
  #follow(): void {
    if (this.#launcher === null || readCgroups('self') === this.#cgroups) return;
    this.#launcher.close();
    this.#launcher = null;
  }

  #startSome(launches: readonly Launch[]): Result<SpawnedProcess>[] {
    const orders = launches.map((launch) => ({
      launch,
      number: this.#reports.expect(launch.wrapper !== undefined),
    }));
    const answers = new Map<number, Answer>();
    // A launcher that ends in between is replaced, and the next one gets the orders that it has not carried out.
    for (let tries = 0; tries < TRIES && answers.size < orders.length; tries++) {
      this.#carryOut(
        orders.filter(({ number }) => !answers.has(number)),
        answers,
      );
    }
    // A turn can have more launches than the pipe has room for their reports.
    if (launches.some(({ wrapper }) => wrapper !== undefined)) this.#reports.drain();
    return orders.map((order) => this.#resultOf(order, answers.get(order.number)));
  }

  #resultOf({ launch, number }: Order, answer: Answer | undefined): Result<SpawnedProcess> {
    const outcome = answer?.outcome ?? SystemCallError.named('launcher', 'EPIPE');
    if (typeof outcome === 'number') {
      return attempt(() => {
        // Mostly the tick is known. A process that has ended at once can still be read: it is not reaped yet.
        const startTicks = answer?.ticks ?? orKill(outcome, () => readStat(outcome)!.startTicks);
        return {
          pid: outcome,
          startTicks,
          launch: number,
          hasArrived: this.#abilities.bornInCgroup,
          isWrapped: launch.wrapper !== undefined,
        };
      });
    }
    this.#reports.take(number, null);
    if (!this.#abilities.bornInCgroup || outcome.syscall !== 'fork' || !UNSUPPORTED.has(outcome.code)) {
      return refusal(outcome);
    }
    this.#abilities = { ...this.#abilities, bornInCgroup: false };
    return this.#startSome([launch])[0]!;
  }

  /** @param answers gets those of the orders that were carried out before the launcher ended, if it did */
  #carryOut(orders: readonly Order[], answers: Map<number, Answer>): void {
    const started = attempt(() => (this.#launcher ??= this.#startLauncher()));
    if (!started.ok) {
      const outcome = started.error as SystemCallError;
      for (const { number } of orders) answers.set(number, { launch: number, outcome, ticks: null });
      return;
    }
    const launcher = started.value;
    const sent: number[] = [];
    try {
      for (const { launch, number } of orders) {
        const order = orderFor(number, launch, this.#abilities);
        if (order === null) {
          answers.set(number, {
            launch: number,
            outcome: SystemCallError.named('execve', 'E2BIG'),
            ticks: null,
          });
          continue;
        }
        sent.push(number);
        if ('fd' in launch.output) launcher.sendWith(order, launch.output.fd);
        else launcher.send(order);
      }
    } catch (error) {
      if (!ENDED.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
    this.#await(launcher, sent, answers);
  }

  #await(launcher: LauncherProcess, sent: readonly number[], answers: Map<number, Answer>): void {
    const expected = sent.length * STEP_BYTES;
    let length = 0;
    while (length < expected) {
      const received = launcher.receive(this.#answers, length);
      if (received === 0) break;
      length += received;
    }
    for (let at = 0; at + STEP_BYTES <= length; at += STEP_BYTES) {
      const answer = readAnswer(this.#answers, at);
      answers.set(answer.launch, answer);
    }
    if (length === expected) return;
    // It has ended, or is stuck and is ended now. What it forked last is in the shared page, and belongs to the first order without an answer.
    launcher.close();
    const launch = sent.find((number) => !answers.has(number))!;
    const child = launcher.childOf(launch);
    if (child !== null) answers.set(launch, { launch, outcome: child, ticks: null });
    this.#launcher = null;
  }
}

/**
 * Starts one process, as Spawner does, by a launcher of its own.
 * @returns the pid
 * @throws SystemCallError if it cannot be forked
 */
export function spawnProcess(launch: Launch): number {
  const spawner = new Spawner(() => {});
  try {
    const [outcome] = spawner.start([launch]);
    if (!outcome!.ok) throw outcome!.error;
    return outcome!.value.pid;
  } finally {
    spawner.close();
  }
}
