/**
 * The signals that ask a supervisor to end. PID 1 has more of them, because container runtimes send what the image or the
 * runtime's configuration says, LXC by default SIGPWR, and PID 1 notices only signals that it has a handler for.
 */
const SIGNALS = { other: ['SIGTERM', 'SIGINT'], init: ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGPWR'] } as const;
/** A signal this soon after the first is the same request: a service manager and the runtime may both pass it on. */
const SAME_MS = 1_000;

/** The requests to end that come as signals. PID 1 receives them from its first moment on, others once they supervise. */
export class EndSignals {
  readonly #isInit: boolean;
  readonly #hurry = Promise.withResolvers<NodeJS.Signals>();
  #firstAt: number | null = null;
  #onFirst: (() => void) | null = null;

  /** @param isInit whether this process is PID 1 */
  constructor(isInit: boolean) {
    this.#isInit = isInit;
    if (isInit) this.#listen();
  }

  /** The signal that PID 1 gets after the first: whoever sends it does not want to wait. */
  get hurry(): Promise<NodeJS.Signals> {
    return this.#hurry.promise;
  }

  /** Calls back at the first signal; at once if it has come. */
  onFirst(callback: () => void): void {
    this.#onFirst = callback;
    if (!this.#isInit) this.#listen();
    else if (this.#firstAt !== null) callback();
  }

  #listen(): void {
    for (const signal of SIGNALS[this.#isInit ? 'init' : 'other'])
      process.on(signal, () => this.#received(signal));
  }

  #received(signal: NodeJS.Signals): void {
    const now = performance.now();
    if (this.#firstAt === null) {
      this.#firstAt = now;
      this.#onFirst?.();
    } else if (this.#isInit && now - this.#firstAt >= SAME_MS) this.#hurry.resolve(signal);
  }
}
