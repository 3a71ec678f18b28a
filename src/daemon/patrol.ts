import { formatDuration } from '../specification/units.ts';
import type { ApiServer } from './api/server.ts';
import type { Supervisor } from './supervisor/supervisor.ts';

const LOOK_MS = 1_000;
/** A supervisor that did not run for so long tells so: what it should have done meanwhile comes late. */
const STALL_MS_MIN = 5_000;

/**
 * What the supervisor looks after in its own affairs: that time passes for it, that it can be reached, and that what is
 * wanted is on disk twice.
 */
export class Patrol {
  readonly #supervisor: Pick<Supervisor, 'journal' | 'store'>;
  readonly #api: ApiServer;
  readonly #timer: NodeJS.Timeout;
  #lookedAt = performance.now();
  #isBusy = false;
  #told = '';

  constructor(supervisor: Pick<Supervisor, 'journal' | 'store'>, api: ApiServer) {
    this.#supervisor = supervisor;
    this.#api = api;
    this.#timer = setInterval(() => void this.#lookSafely(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** A disk that cannot even be looked at is told, and looked at again. */
  async #lookSafely(): Promise<void> {
    await this.#look().catch((error: Error) => this.#tellOnce(error.message));
  }

  async #look(): Promise<void> {
    const lateMs = performance.now() - this.#lookedAt - LOOK_MS;
    this.#lookedAt = performance.now();
    if (lateMs > STALL_MS_MIN) {
      const how = 'it was stopped, or the host had no time for it';
      this.#note(`the supervisor stood still for ${formatDuration(Math.round(lateMs / 100) * 100)}: ${how}`);
    }
    this.#supervisor.store.keepCopy();
    if (this.#isBusy || this.#api.isThere) return;
    this.#isBusy = true;
    await this.#bringBack().catch((error: Error) => this.#tellOnce(error.message));
    this.#isBusy = false;
  }

  async #bringBack(): Promise<void> {
    await this.#api.reopen();
    this.#told = '';
    this.#note('the socket fleetd.sock was gone, or replaced, and is there again');
  }

  /** What fails is tried again at every look, but it is news only once. */
  #tellOnce(message: string): void {
    if (message !== this.#told) this.#note(message);
    this.#told = message;
  }

  #note(reason: string): void {
    this.#supervisor.journal.note('supervisor', null, reason);
  }
}
