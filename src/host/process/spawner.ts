import { once } from 'node:events';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { ProcessId } from '../../fleet/agent.ts';
import type { Launch } from '../launcher/launch.ts';
import { Reports } from '../launcher/reports.ts';
import { openDescriptors } from '../proc/descriptors.ts';
import { SystemCallError } from '../sys/libc.ts';
import { type Result, refusal, success } from '../sys/result.ts';
import { siblingOf } from '../sys/sibling.ts';

/** An order for the thread: a launch, and its unique number. */
export interface SpawnOrder {
  launch: Launch;
  number: number;
}

/** A process that was started. */
export interface SpawnedProcess extends ProcessId {
  /** The number of its launch. */
  launch: number;
}

/** A failure: an error object cannot be passed between threads as it is. */
export type SpawnFailure = { syscall: string; errno: number } | { message: string; code: string | undefined };

/** The shared state of two threads: counters to wait on, a port for orders and starts, and descriptors that both keep. */
export interface SpawnerMemory {
  counters: Int32Array;
  orders: MessagePort;
  reportFd: number;
  /** The pipes that were open before the threads were, as /proc names them. */
  pipes: readonly string[];
}

/** The last order: the thread ends. */
export const END = 'end';

/** The counters: orders given, orders carried out. */
export const COUNTER = { given: 0, done: 1 } as const;

const THREAD = siblingOf(import.meta.url, 'spawner-thread');

/** While one child is on its way to its exec, another can be started: two threads use two processors. */
const THREADS = 2;
/** A thread keeps only one order at a time; V8 would otherwise let garbage grow to tens of megabytes. */
const HEAP = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 };

/**
 * Starts processes on threads with their own tables of descriptors. A fork copies the table of the forking thread, and
 * the child closes all of that again: with a pidfd for each of 10,000 agents this alone more than doubles the time of a
 * start (0.43 ms with an empty table, 0.58 with 3,000 descriptors, 1.14 with 10,000).
 */
export class Spawner {
  readonly #reports = new Reports();
  readonly #threads: readonly Thread[];

  constructor() {
    const pipes = openDescriptors().flatMap(({ link }) => (link.startsWith('pipe:') ? [link] : []));
    const kept = { reportFd: this.#reports.fd, pipes };
    this.#threads = Array.from({ length: THREADS }, () => new Thread(kept));
  }

  /**
   * Starts processes, each as spawnProcess() does, and waits for that, so that they are known before anything else happens.
   * @returns for each the process, or the reason: a SystemCallError with the errno of the failure
   */
  start(launches: readonly Launch[]): Result<SpawnedProcess>[] {
    const orders = launches.map((launch) => ({ launch, number: this.#reports.expect() }));
    const share = Math.ceil(orders.length / THREADS);
    const given = this.#threads
      .map((thread, i) => ({ thread, orders: orders.slice(i * share, (i + 1) * share) }))
      .filter((part) => part.orders.length > 0);
    for (const part of given) part.thread.give(part.orders);
    const outcomes = given.flatMap(({ thread }) => thread.started());
    return outcomes.map((outcome, i) => {
      const { number } = orders[i]!;
      if (outcome.ok) return success({ ...outcome.value, launch: number });
      this.#reports.take(number);
      return outcome;
    });
  }

  /** Why the program of a launch that has ended was not executed; null if it was. Valid once. */
  failureOf(launch: number): SystemCallError | null {
    return this.#reports.take(launch);
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
    this.#reports.close();
  }
}

class Thread {
  readonly #counters = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  readonly #orders: MessagePort;
  readonly #worker: Worker;

  constructor(kept: Pick<SpawnerMemory, 'reportFd' | 'pipes'>) {
    const orders = new MessageChannel();
    const shared: SpawnerMemory = { counters: this.#counters, orders: orders.port2, ...kept };
    this.#orders = orders.port1;
    this.#worker = new Worker(THREAD, {
      workerData: shared,
      transferList: [orders.port2],
      resourceLimits: HEAP,
    });
    for (const each of [this.#worker, this.#orders]) each.unref();
  }

  give(orders: readonly SpawnOrder[] | typeof END): void {
    this.#orders.postMessage(orders);
    Atomics.add(this.#counters, COUNTER.given, 1);
    Atomics.notify(this.#counters, COUNTER.given);
  }

  /** Waits until all orders are done. @returns the processes of the last orders */
  started(): Result<ProcessId>[] {
    const given = Atomics.load(this.#counters, COUNTER.given);
    for (let done = 0; done < given; done = Atomics.load(this.#counters, COUNTER.done)) {
      Atomics.wait(this.#counters, COUNTER.done, done);
    }
    const answer = receiveMessageOnPort(this.#orders)!.message as (ProcessId | SpawnFailure)[];
    return answer.map((outcome) => ('pid' in outcome ? success(outcome) : refusal(toError(outcome))));
  }

  /** The thread ends by itself: terminating it during a call of the FFI would abort the process. */
  async close(): Promise<void> {
    const ended = once(this.#worker, 'exit');
    this.#worker.ref();
    this.give(END);
    await ended;
  }
}

function toError(failure: SpawnFailure): Error {
  if ('errno' in failure) return new SystemCallError(failure.syscall, failure.errno);
  return Object.assign(new Error(failure.message), { code: failure.code });
}
