import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { programFile } from '../sys/package.ts';
import { ReadProblem } from '../sys/read-problem.ts';
import { type Result, refusal, success } from '../sys/result.ts';
import { SYSTEM_ENV } from '../sys/system-command.ts';
import type { ReadRequest, Value } from './others.ts';

interface Problem {
  code: string;
  message: string;
}
export type ReadAnswer = { value: unknown } | Problem;

const PROCESS = programFile('host/files/reader-process');
/** The time after its last answer that a process waits for more reads. */
const IDLE_MS = 5_000;
/** The maximum number of concurrent processes; further requests wait. */
const AT_ONCE_MAX = 4;
/** The number of reads per message, because a message there and back costs more than most reads. */
const BATCH_MAX = 32;
/** The maximum time to start, which is not reading: a busy host needs it. */
const START_MS_MAX = 20_000;
/** The maximum number of processes that hang in the kernel, beyond the reach of SIGKILL, before no more are risked. */
const STUCK_MAX = { process: 4, file: 8 } as const;
/** After this number of slow reads, the rest of the same request is not tried. */
const SLOW_MAX = 4;

/** Reads what others can write. */
export interface ReadsOthers {
  /** Reads one thing. @param msMax the maximum time @throws ReadProblem, TOO_SLOW if no answer came in time */
  ask<T extends ReadRequest>(question: T, msMax: number): Promise<Value<T>>;
  /**
   * Reads several things, one after the other.
   * @param msMax the maximum time of each
   * @returns for each the result, or the reason of its failure
   */
  askAll<T extends ReadRequest>(
    questions: readonly T[],
    msMax: number,
  ): Promise<Result<Value<T>, ReadProblem>[]>;
}

/**
 * Reads what others can write, in a process of its own. A read of their files, or of their processes' memory
 * (/proc/PID/cmdline, environ), can hang in the kernel: a dead NFS, a FUSE file whose server does not answer, a page of
 * such a file. A thread that hangs so occupies libuv's pool, and keeps this process, its lock included, from ending, even
 * by SIGKILL; a process that hangs can be left behind.
 */
export class Reader implements ReadsOthers {
  readonly #limit = pLimit(AT_ONCE_MAX);
  readonly #onStart: (child: ChildProcess) => void;
  #idle: { child: ChildProcess; timer: NodeJS.Timeout } | null = null;
  /** Processes that were killed but are not gone yet, with the read at which each hangs. */
  readonly #stuck = new Map<ChildProcess, ReadRequest>();

  /** @param onStart gets each process as soon as it exists, and decides where it lives */
  constructor(onStart: (child: ChildProcess) => void = () => {}) {
    this.#onStart = onStart;
  }

  async ask<T extends ReadRequest>(question: T, msMax: number): Promise<Value<T>> {
    const [answer] = await this.askAll([question], msMax);
    if (!answer!.ok) throw answer!.error;
    return answer!.value;
  }

  askAll<T extends ReadRequest>(
    questions: readonly T[],
    msMax: number,
  ): Promise<Result<Value<T>, ReadProblem>[]> {
    return this.#limit(() => this.#askAll(questions, msMax));
  }

  async #askAll<T extends ReadRequest>(
    asks: readonly T[],
    msMax: number,
  ): Promise<Result<Value<T>, ReadProblem>[]> {
    const answers: ReadAnswer[] = [];
    let child: ChildProcess | null = null;
    let slow = 0;
    while (answers.length < asks.length) {
      const left = asks.slice(answers.length, answers.length + BATCH_MAX);
      const refused = left.map((ask) =>
        slow >= SLOW_MAX ? tooSlow(ask, 'because earlier reads took too long') : this.#refuse(ask),
      );
      if (refused[0]) {
        answers.push(refused[0]);
        continue;
      }
      const count = refused.findIndex((refusal) => refusal !== null);
      const batch = count < 0 ? left : left.slice(0, count);
      child ??= await this.#take();
      const got = await answersOf(child, batch, msMax);
      answers.push(...got);
      const last = got.at(-1)!;
      const isSlow = 'code' in last && last.code === 'TOO_SLOW';
      if (isSlow) slow++;
      if (!isSlow && child.connected) continue;
      this.#giveUp(child, batch[got.length - 1]!);
      child = null;
    }
    if (child) this.#keep(child);
    return answers.map((answer) =>
      'value' in answer
        ? success(answer.value as Value<T>)
        : refusal(new ReadProblem(answer.code, answer.message)),
    );
  }

  /** Ends the processes that wait for more reads. */
  close(): void {
    if (!this.#idle) return;
    clearTimeout(this.#idle.timer);
    this.#idle.child.kill('SIGKILL');
    this.#idle = null;
  }

  /** A read at which a process already hangs is not repeated: each attempt would occupy another process. */
  #refuse(ask: ReadRequest): Problem | null {
    const stuck = [...this.#stuck.values()];
    if (stuck.some((other) => nameOf(other) === nameOf(ask)))
      return tooSlow(ask, 'because an earlier read of it hangs');
    const isOfProcess = ask.do === 'suspect';
    const alike = stuck.filter((other) => (other.do === 'suspect') === isOfProcess).length;
    if (alike < STUCK_MAX[isOfProcess ? 'process' : 'file']) return null;
    return tooSlow(ask, `because ${alike} earlier reads hang in the kernel`);
  }

  async #take(): Promise<ChildProcess> {
    if (this.#idle) {
      const { child, timer } = this.#idle;
      clearTimeout(timer);
      this.#idle = null;
      child.ref();
      child.channel?.ref();
      return child;
    }
    const child = fork(PROCESS, {
      execArgv: ['--disable-warning=ExperimentalWarning', '--max-old-space-size=256'],
      env: { ...SYSTEM_ENV },
      cwd: '/',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      serialization: 'advanced',
    });
    child.on('error', () => {}); // Reported through the missing answer.
    if (child.pid !== undefined) this.#onStart(child);
    await Promise.race([
      once(child, 'message'),
      once(child, 'exit'),
      sleep(START_MS_MAX, null, { ref: false }),
    ]);
    return child;
  }

  /** Keeps it for more reads; this process ends without waiting for it. */
  #keep(child: ChildProcess): void {
    if (this.#idle || !child.connected) {
      child.kill('SIGKILL');
      return;
    }
    child.unref();
    child.channel?.unref();
    const timer = setTimeout(() => {
      this.#idle = null;
      child.kill('SIGKILL');
    }, IDLE_MS);
    this.#idle = { child, timer: timer.unref() };
  }

  #giveUp(child: ChildProcess, ask: ReadRequest): void {
    if (child.exitCode === null && child.signalCode === null) {
      this.#stuck.set(child, ask);
      child.once('exit', () => this.#stuck.delete(child));
    }
    child.kill('SIGKILL');
    child.unref();
    if (child.connected) child.disconnect();
  }
}

/**
 * The answers to several reads, one after the other; up to the first that was late, or during which the process ended,
 * with that problem in its place.
 */
function answersOf(child: ChildProcess, asks: readonly ReadRequest[], msMax: number): Promise<ReadAnswer[]> {
  const { promise, resolve } = Promise.withResolvers<ReadAnswer[]>();
  const answers: ReadAnswer[] = [];
  const endWith = (problem: Problem) => resolve([...answers, problem]);
  const onSlow = () => endWith(tooSlow(asks[answers.length]!, `within ${msMax / 1000} s`));
  const onEnd = () => endWith({ code: 'EIO', message: 'the process that reads files of others has ended' });
  const timer = setTimeout(onSlow, msMax);
  const onAnswer = (answer: unknown) => {
    answers.push(answer as ReadAnswer);
    timer.refresh();
    if (answers.length === asks.length) resolve(answers);
  };
  child.on('message', onAnswer);
  child.once('exit', onEnd);
  child.send([...asks], (error) => error && onEnd());
  return promise.finally(() => {
    clearTimeout(timer);
    child.off('message', onAnswer);
    child.off('exit', onEnd);
  });
}

function tooSlow(ask: ReadRequest, why: string): Problem {
  return { code: 'TOO_SLOW', message: `${nameOf(ask)} could not be read ${why}` };
}

function nameOf(ask: ReadRequest): string {
  if (ask.do === 'suspect') return `pid ${ask.pid} (started at tick ${ask.startTicks})`;
  return ask.do === 'stage' ? ask.source : ask.path;
}
