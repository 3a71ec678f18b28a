import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { Containment, Errand, ErrandKind } from '../cgroup/containment.ts';
import type { Launch } from '../launcher/launch.ts';
import { isGone } from '../proc/read.ts';
import type { ProcessExit } from '../sys/pidfd.ts';
import type { AgentWorld } from './agent-world.ts';
import type { HelperEnd, HookOptions, RunningErrand } from './errand.ts';
import { type ExitWatch, keepOrKill } from './exit-watch.ts';
import { endOfHook } from './hook.ts';
import { exitInside } from './sandbox.ts';
import type { SpawnedProcess, Spawner } from './spawner.ts';

/** The maximum delay of setTimeout (a signed 32-bit integer). */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** What errands need to start. */
interface Parts {
  spawner: Spawner;
  containment: Containment;
  watch: ExitWatch;
  world: AgentWorld;
}

/** Runs errands: helpers in the agents' environment, hooks in the supervisor's own. */
export class Errands {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Runs a helper; what it forked ends with it.
   * @param signal ends it when it aborts
   * @throws Error if it cannot be started
   */
  async run(launch: Launch, timeoutMs: number, signal?: AbortSignal): Promise<HelperEnd> {
    return this.#begin(launch, 'helper').end(timeoutMs, signal);
  }

  /** Runs a hook. @throws Error with how it ended and its output, unless it exited 0 in time */
  async runHook(argv: readonly string[], options: HookOptions): Promise<void> {
    await endOfHook(argv, options, (launch) => this.#begin(launch, 'hook'));
  }

  /** Moves a reader out of our cgroup: Node starts it, but that cgroup is only for launchers and for this process. */
  moveOut(child: ChildProcess): void {
    const { containment } = this.#parts;
    const errand = containment.errand('helper');
    child.once('exit', () => errand.done());
    try {
      // Node has not reaped it, so the pid is this child's.
      if (errand.cgroup !== undefined) writeFileSync(`${errand.cgroup}/cgroup.procs`, String(child.pid));
    } catch (error) {
      if (!isGone(error)) containment.onProblem(error as Error);
    }
  }

  /** Starts an errand. @throws Error if it cannot be started */
  #begin(launch: Launch, kind: ErrandKind): RunningErrand {
    const { containment, spawner, world } = this.#parts;
    const errand = containment.errand(kind);
    const place = kind === 'helper' ? world.around(launch, errand.cgroup) : launch;
    const [outcome] = spawner.start([errand.cgroup ? { ...place, cgroup: errand.cgroup } : place]);
    if (!outcome!.ok) {
      errand.done();
      throw outcome!.error;
    }
    return this.#watch(outcome!.value, errand, kind);
  }

  #watch({ pid, launch, isWrapped }: SpawnedProcess, errand: Errand, kind: ErrandKind): RunningErrand {
    const { spawner, watch } = this.#parts;
    const { promise: ended, resolve } = Promise.withResolvers<ProcessExit | null>();
    keepOrKill(pid, (pidfd) =>
      watch.watch({ pid, pidfd }, (reap) => {
        if (kind === 'helper') errand.kill(pid);
        const exit = reap();
        resolve(exit && isWrapped ? exitInside(exit) : exit);
        errand.done();
      }),
    );
    return {
      end: async (timeoutMs, signal) => {
        let isCut = false;
        const cut = () => {
          isCut = true;
          errand.kill(pid);
        };
        const timer = setTimeout(cut, Math.min(timeoutMs, TIMER_MS_MAX));
        if (signal?.aborted) cut();
        signal?.addEventListener('abort', cut, { once: true });
        const status = await ended;
        clearTimeout(timer);
        signal?.removeEventListener('abort', cut);
        const failure = spawner.failureOf(launch, status);
        if (failure) throw failure;
        return isCut ? null : (status ?? { code: null, signal: null });
      },
    };
  }
}
