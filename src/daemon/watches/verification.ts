import { type CountAnswer, judgeVerified, type VerifyResult } from '../../fleet/verify.ts';
import type { Spec } from '../../specification/spec.ts';
import { every } from '../shared/timers.ts';
import { SpecWatch } from './spec-watch.ts';

/** The external count is read at this interval. */
const EVERY_MS = 5_000;
const TIMEOUT_MS = 4_000;

type Verify = NonNullable<Spec['verify']>;

/** Compares a fleet whose spec has `verify` with the external count of its agents. */
export class Verification extends SpecWatch<Verify> {
  /** The result of the latest count; null before the first, and for a fleet without an external count. */
  result: VerifyResult | null = null;

  protected override partOf({ verify }: Spec): Verify | null {
    return verify;
  }

  protected override begin(verify: Verify, signal: AbortSignal): void {
    const { log } = this.context.services;
    every(
      EVERY_MS,
      signal,
      () => this.#compare(verify, signal),
      (error) => log.error({ error: error.message }, 'cannot compare with the external count'),
    );
  }

  protected override ended(): void {
    this.result = null;
  }

  async #compare({ http, field, atLeastPercent }: Verify, signal: AbortSignal): Promise<void> {
    const { fleet, name, services } = this.context;
    const answer = await services.host.sockets.fetchNumber(http, field, TIMEOUT_MS).then(
      (counted): CountAnswer => ({ counted }),
      (error: Error): CountAnswer => ({ error: `${http} cannot be read: ${causeOf(error)}` }),
    );
    if (signal.aborted) return;
    const before = this.result;
    const after = judgeVerified(before, answer, fleet.counts.ready, atLeastPercent);
    this.result = after;
    if (after.isDegraded !== (before?.isDegraded ?? false)) {
      const { counted, running } = after;
      const what = after.isDegraded ? after.reason! : `${counted} counted of ${running} ready, as expected`;
      services.journal.note('verify', name, what);
    } else if (after.counted === null && before?.counted !== null) {
      services.journal.note('verify', name, after.reason!);
    }
  }
}

/** The cause behind the “fetch failed” of fetch. */
function causeOf(error: Error): string {
  return error.cause instanceof Error ? error.cause.message : error.message;
}
