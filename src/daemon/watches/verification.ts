import { type CountAnswer, judgeVerified, type VerifyResult } from '../../fleet/verify.ts';
import type { Host } from '../../host/host.ts';
import type { Managed } from '../fleet/managed.ts';
import type { Journal } from '../journal.ts';

/** Somebody else's count is asked for so often. */
const EVERY_MS = 5_000;
const TIMEOUT_MS = 4_000;

/** Compares fleets whose spec has `verify` with what somebody else counts of them. */
export class Verification {
  readonly #journal: Journal;
  readonly #host: Host;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #verified = new Map<string, VerifyResult>();

  constructor(journal: Journal, host: Host) {
    this.#journal = journal;
    this.#host = host;
  }

  /** Begins, ends or changes the comparison as a fleet's spec says now. */
  followSpec(managed: Managed): void {
    if (!managed.fleet.spec.verify) this.forget(managed);
    else if (!this.#timers.has(managed.name)) this.#begin(managed);
  }

  #begin(managed: Managed): void {
    let isBusy = false;
    const timer = setInterval(async () => {
      if (isBusy) return;
      isBusy = true;
      await this.#look(managed);
      isBusy = false;
    }, EVERY_MS);
    this.#timers.set(managed.name, timer);
  }

  /** Ends the comparison. */
  forget({ name }: Managed): void {
    clearInterval(this.#timers.get(name));
    this.#timers.delete(name);
    this.#verified.delete(name);
  }

  stop(): void {
    for (const timer of this.#timers.values()) clearInterval(timer);
  }

  /** How the last look compared; null before the first, and for a fleet that nobody else counts. */
  of({ name }: Managed): VerifyResult | null {
    return this.#verified.get(name) ?? null;
  }

  async #look(managed: Managed): Promise<void> {
    const { name, fleet } = managed;
    const { http, field, atLeastPercent } = fleet.spec.verify!;
    const timer = this.#timers.get(name);
    const look = await this.#host.sockets.fetchNumber(http, field, TIMEOUT_MS).then(
      (counted): CountAnswer => ({ counted }),
      (error: Error): CountAnswer => ({ error: `${http} cannot be read: ${causeOf(error)}` }),
    );
    if (fleet.spec.verify?.http !== http || this.#timers.get(name) !== timer) return;
    const before = this.of(managed);
    const after = judgeVerified(before, look, fleet.counts.ready, atLeastPercent);
    this.#verified.set(name, after);
    if (after.isDegraded !== (before?.isDegraded ?? false)) {
      const { counted, running } = after;
      const what = after.isDegraded
        ? after.reason!
        : `${counted} online of ${running} running, as it should be`;
      this.#journal.note('verify', name, what);
    } else if (after.counted === null && before?.counted !== null) {
      this.#journal.note('verify', name, after.reason!);
    }
  }
}

/** What is behind the “fetch failed” of fetch. */
function causeOf(error: Error): string {
  return error.cause instanceof Error ? error.cause.message : error.message;
}
