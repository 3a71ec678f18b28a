import { formatDuration } from '../specification/units.ts';
import type { ApiServer } from './api/server.ts';
import { every } from './shared/timers.ts';
import type { Supervisor } from './supervisor/supervisor.ts';

const ROUND_MS = 1_000;
/** A supervisor that did not run for this long reports it, because what was due meanwhile is late. */
const STALL_MS_MIN = 5_000;

/**
 * The supervisor's care for itself: that time passes for it, that it can be reached, and that the wanted state is on
 * disk twice.
 */
export class SelfCheck {
  readonly #supervisor: Pick<Supervisor, 'journal' | 'store'>;
  readonly #servers: readonly ApiServer[];
  readonly #end = new AbortController();
  #lastRoundAt = performance.now();
  #lastError = '';

  constructor(supervisor: Pick<Supervisor, 'journal' | 'store'>, servers: readonly ApiServer[]) {
    this.#supervisor = supervisor;
    this.#servers = servers;
    // An error of the disk is reported, and the round is repeated later.
    every(
      ROUND_MS,
      this.#end.signal,
      () => this.#round(),
      ({ message }) => this.#reportOnce(message),
    );
  }

  stop(): void {
    this.#end.abort();
  }

  async #round(): Promise<void> {
    const lateMs = performance.now() - this.#lastRoundAt - ROUND_MS;
    this.#lastRoundAt = performance.now();
    if (lateMs > STALL_MS_MIN) {
      const how = 'it was stopped, or the host gave it no time';
      this.#note(`the supervisor did not run for ${formatDuration(Math.round(lateMs / 100) * 100)}: ${how}`);
    }
    this.#supervisor.store.keepCopy();
    for (const server of this.#servers) {
      if (server.isThere) continue;
      await server.reopen();
      this.#lastError = '';
      this.#note(`the socket ${server.name} had been deleted or replaced, and was made again`);
    }
  }

  /** A failure is repeated at every round, but reported only once. */
  #reportOnce(message: string): void {
    if (message !== this.#lastError) this.#note(message);
    this.#lastError = message;
  }

  #note(reason: string): void {
    this.#supervisor.journal.note('supervisor', null, reason);
  }
}
