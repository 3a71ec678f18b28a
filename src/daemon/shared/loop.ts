import type { HasTurn } from './services.ts';

/**
 * The loop of the supervisor: everything that was woken has a turn, all in one round of Node's event loop; then their
 * results are written. Waking is cheap, however often.
 */
export class Loop {
  readonly #awake = new Set<HasTurn>();
  readonly #followers = new Set<() => void>();
  /** Called after the turns, before anything else has one: the next supervisor must know what was started. */
  readonly #write: () => void;
  #next: NodeJS.Immediate | null = null;
  #isStopped = false;

  constructor(write: () => void) {
    this.#write = write;
  }

  /** Wakes something, because it has changed: it has a turn soon. */
  wake(turning: HasTurn): void {
    this.#awake.add(turning);
    if (this.#isStopped) return;
    this.#next ??= setImmediate(() => this.#run());
  }

  /** Calls back after every turn in which something may have changed, until the returned function is called. */
  follow(follower: () => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#next) clearImmediate(this.#next);
  }

  #run(): void {
    this.#next = null;
    const awake = [...this.#awake];
    this.#awake.clear();
    for (const turning of awake) turning.turn();
    this.#write();
    for (const follower of this.#followers) follower();
  }
}
