import { inheritsOrphans } from '../sys/init.ts';
import { endedChild, reapPid } from '../sys/pidfd.ts';
import { NodeChildren } from './node-children.ts';

/** The time between two looks: whatever ends, however often, there are at most ten in a second. */
const BETWEEN_MS = 100;
/** A look ends after this time, because with 10,000 children the kernel searches 0.4 ms for each that has ended. */
const LOOK_MS_MAX = 5;

/**
 * Reaps what was orphaned, if this process inherits orphans: as PID 1 of a container, or as a subreaper.
 * @param isOwned whether another part of this process reaps a child; asked after the child has ended
 * @returns ends it
 */
export function reapOrphans(isOwned: (pid: number) => boolean): () => void {
  if (!inheritsOrphans()) return () => {};
  const orphans = new Orphans(isOwned);
  return () => orphans.close();
}

/**
 * The children that nobody here has started. A child that somebody waits for is never reaped, or its exit status would
 * be lost: agents and errands by their pidfd, the launcher by its pid, Node its own. Whoever starts a process makes it
 * known within the same turn, so that a look, which is a turn of its own, meets none that is not known yet. A process of
 * a slot that is orphaned and watched, such as a successor, has its exit status from then on.
 *
 * A look asks the kernel for one child that has ended, and leaves it a zombie; with nothing to reap, that is its only
 * system call. If the child is owned, it hides those after it, so the next look follows.
 */
class Orphans {
  readonly #isOwned: (pid: number) => boolean;
  readonly #nodeChildren = new NodeChildren();
  readonly #onChild = () => this.#lookSoon();
  #timer: NodeJS.Timeout | null = null;

  constructor(isOwned: (pid: number) => boolean) {
    this.#isOwned = isOwned;
    process.on('SIGCHLD', this.#onChild);
    // What ended before this process took notice.
    this.#lookSoon();
  }

  close(): void {
    process.off('SIGCHLD', this.#onChild);
    this.#nodeChildren.close();
    if (this.#timer) clearTimeout(this.#timer);
  }

  #lookSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      if (!this.#look()) this.#lookSoon();
    }, BETWEEN_MS);
  }

  /** @returns whether nothing is left that has ended */
  #look(): boolean {
    const startedAt = performance.now();
    while (performance.now() - startedAt < LOOK_MS_MAX) {
      const pid = endedChild();
      if (pid === null) return true;
      if (this.#nodeChildren.reaps(pid) || this.#isOwned(pid)) return false;
      reapPid(pid);
    }
    return false;
  }
}
