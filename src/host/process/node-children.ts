import type { ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';

/** Node announces every child here before it is started, whichever module asks for it. */
const CHANNEL = 'child_process';

/** The children that Node has started, and reaps when they have ended. */
export class NodeChildren {
  readonly #children = new Set<ChildProcess>();
  readonly #onChild = (message: unknown) => {
    const child = (message as { process: ChildProcess }).process;
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
  };

  constructor() {
    subscribe(CHANNEL, this.#onChild);
  }

  /** Whether Node reaps a child that has ended. */
  reaps(pid: number): boolean {
    for (const child of this.#children) {
      if (child.pid === pid) return true;
      // It could not be started.
      if (child.pid === undefined) this.#children.delete(child);
    }
    return false;
  }

  close(): void {
    unsubscribe(CHANNEL, this.#onChild);
  }
}
