import { formatDuration } from '../specification/units.ts';
import type { ApiServer } from './api/server.ts';
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
  readonly #api: ApiServer;
  readonly #timer: NodeJS.Timeout;
  #lastRoundAt = performance.now();
  #isBusy = false;
  #lastError = '';

  constructor(supervisor: Pick<Supervisor, 'journal' | 'store'>, api: ApiServer) {
    this.#supervisor = supervisor;
    this.#api = api;
    this.#timer = setInterval(() => void this.#tryRound(), ROUND_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** An error of the disk is reported, and the round is repeated later. */
  async #tryRound(): Promise<void> {
    await this.#round().catch((error: Error) => this.#reportOnce(error.message));
  }

  async #round(): Promise<void> {
    const lateMs = performance.now() - this.#lastRoundAt - ROUND_MS;
    this.#lastRoundAt = performance.now();
    if (lateMs > STALL_MS_MIN) {
      const how = 'it was stopped, or the host gave it no time';
      this.#note(`the supervisor did not run for ${formatDuration(Math.round(lateMs / 100) * 100)}: ${how}`);
    }
    this.#supervisor.store.keepCopy();
    if (this.#isBusy || this.#api.isThere) return;
    this.#isBusy = true;
    await this.#restoreSocket().catch((error: Error) => this.#reportOnce(error.message));
    this.#isBusy = false;
  }

  async #restoreSocket(): Promise<void> {
    await this.#api.reopen();
    this.#lastError = '';
    this.#note('the socket fleetd.sock had been deleted or replaced, and was made again');
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
