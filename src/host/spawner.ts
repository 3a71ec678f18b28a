import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { ProcessId } from './host.ts';
import { SystemCallError } from './libc.ts';
import type { Launch } from './spawn.ts';

/** A process to put into a cgroup, by the `cgroup.procs` to write to. */
export interface Move {
  pid: number;
  file: string;
}

/** What the thread is asked for. */
export type Order = { do: 'start'; launches: readonly Launch[] } | { do: 'move'; moves: readonly Move[] };

/** What went wrong: an error does not survive the way between threads as it is. */
export type Failure = { syscall: string; errno: number } | { message: string; code: string | undefined };

/** What two threads share: counters to wait on, a port for orders and starts, one for what was moved. */
export interface Shared {
  counters: Int32Array;
  orders: MessagePort;
  moved: MessagePort;
}

/** The counters: orders given, orders carried out. */
export const COUNTER = { given: 0, done: 1 } as const;

const EXTENSION = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
const THREAD = new URL(`./spawner-thread${EXTENSION}`, import.meta.url);

/** While one child is on its way to its exec, another can be: two threads keep two processors busy. */
const THREADS = 2;
/** All that a thread keeps is one order at a time; V8 would let what is dropped pile up to tens of megabytes. */
const HEAP = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 };

/**
 * Starts processes on threads with a table of descriptors of their own. A fork copies the table of the thread that
 * forks, and the child closes all of that again: with a pidfd for each of 10,000 agents this alone more than doubles
 * the time of a start (0.43 ms with an empty table, 0.58 with 3,000 descriptors, 1.14 with 10,000). The moves into
 * cgroups are made there too, since the first of a row waits for all processors.
 */
export class Spawner {
  readonly #threads = Array.from({ length: THREADS }, () => new Thread());

  /**
   * Starts processes, each as spawnProcess() does, and waits for that: they are known before anything else happens.
   * All get this process's soft limit of open files as it is now.
   * @returns for each what was started, or why not: a SystemCallError with the errno of what failed
   */
  start(launches: readonly Launch[]): (ProcessId | Error)[] {
    const share = Math.ceil(launches.length / THREADS);
    const orders = this.#threads
      .map((thread, i) => ({ thread, launches: launches.slice(i * share, (i + 1) * share) }))
      .filter((order) => order.launches.length > 0);
    for (const order of orders) order.thread.give({ do: 'start', launches: order.launches });
    return orders.flatMap(({ thread }) => thread.started());
  }

  /** Moves processes into cgroups. @returns for each why it could not be moved, null where it was */
  move(moves: readonly Move[]): Promise<(Error | null)[]> {
    return this.#threads.at(-1)!.move(moves);
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }
}

class Thread {
  readonly #counters = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  readonly #orders: MessagePort;
  readonly #moved: MessagePort;
  readonly #moving: ((failures: (Failure | null)[]) => void)[] = [];
  readonly #worker: Worker;

  constructor() {
    const orders = new MessageChannel();
    const moved = new MessageChannel();
    const shared: Shared = { counters: this.#counters, orders: orders.port2, moved: moved.port2 };
    this.#orders = orders.port1;
    this.#moved = moved.port1;
    this.#moved.on('message', (failures: (Failure | null)[]) => this.#moving.shift()!(failures));
    this.#worker = new Worker(THREAD, {
      workerData: shared,
      transferList: [orders.port2, moved.port2],
      resourceLimits: HEAP,
    });
    for (const each of [this.#worker, this.#orders, this.#moved]) each.unref();
  }

  give(order: Order): void {
    this.#orders.postMessage(order);
    Atomics.add(this.#counters, COUNTER.given, 1);
    Atomics.notify(this.#counters, COUNTER.given);
  }

  /** Waits until all that was given is done. @returns what was started last */
  started(): (ProcessId | Error)[] {
    const given = Atomics.load(this.#counters, COUNTER.given);
    for (let done = 0; done < given; done = Atomics.load(this.#counters, COUNTER.done)) {
      Atomics.wait(this.#counters, COUNTER.done, done);
    }
    const answer = receiveMessageOnPort(this.#orders)!.message as (ProcessId | Failure)[];
    return answer.map((outcome) => ('pid' in outcome ? outcome : toError(outcome)));
  }

  async move(moves: readonly Move[]): Promise<(Error | null)[]> {
    this.#moved.ref();
    const failures = new Promise<(Failure | null)[]>((resolve) => this.#moving.push(resolve));
    this.give({ do: 'move', moves });
    const errors = (await failures).map((failure) => failure && toError(failure));
    if (this.#moving.length === 0) this.#moved.unref();
    return errors;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

function toError(failure: Failure): Error {
  if ('errno' in failure) return new SystemCallError(failure.syscall, failure.errno);
  return Object.assign(new Error(failure.message), { code: failure.code });
}
