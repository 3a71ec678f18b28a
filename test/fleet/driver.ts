import { FleetError } from '../../src/errors/fleet-error.ts';
import type { Decision } from '../../src/fleet/decide/decision.ts';
import { decideHold, decideResume, decideStormHold } from '../../src/fleet/decide/hold.ts';
import { decideKill } from '../../src/fleet/decide/kill.ts';
import { decideRestart } from '../../src/fleet/decide/restart.ts';
import {
  decideRollback,
  decideRolloutAction,
  decideUpdate,
  type RolloutAction,
  type UpdateRequest,
} from '../../src/fleet/decide/rollout.ts';
import { decideSpawn, proposeSpawn } from '../../src/fleet/decide/spawn.ts';
import { wantedRecord } from '../../src/fleet/slot-records.ts';
import { formatSlots } from '../../src/specification/slots.ts';
import { DATE, releaseOf, specOf } from './fleets.ts';
import { ImaginaryKernel } from './imaginary-kernel.ts';

/**
 * An imaginary host with one fleet, to which a test gives the commands of users. Each is decided by the decider that the
 * supervisor calls; what is refused changes nothing.
 */
export class ImaginaryHost extends ImaginaryKernel {
  // ── commands ──

  /** Sets the target; with changes of the document, under a new spec or release. */
  spawn(target: number, changed?: { document?: object; release?: string; recreate?: boolean }): void {
    const { fleet } = this;
    const spec = changed?.document ? specOf(changed.document) : fleet.spec;
    const proposal = proposeSpawn('f', fleet, changed ? { spec, baseDir: '/' } : null, {
      target,
      force: true,
    });
    const recreate = changed?.recreate === true && fleet.slots.size > 0;
    for (const slot of proposal.change.add) this.wantedAgain.add(slot);
    const newest = changed ? releaseOf(changed.release ?? fleet.release, spec) : null;
    this.commit(decideSpawn(fleet, recreate ? { ...proposal, recreate } : proposal, newest).change);
  }

  kill(count: number): void {
    this.#carryOut(() => decideKill(this.fleet, { count }));
  }

  killSlots(slots: readonly number[] | string, now = false): void {
    this.#carryOut(() =>
      decideKill(this.fleet, { slots: typeof slots === 'string' ? slots : formatSlots(slots), now }),
    );
  }

  /** Wants just these slots again, whatever is still in them. */
  want(...slots: number[]): void {
    const { fleet } = this;
    this.commit({ slots: slots.map((slot) => wantedRecord(fleet, slot, fleet.release)) });
  }

  /** @returns the generation of the restart; the current one where it was refused */
  restart(slots: Iterable<number> = this.fleet.wantedSlots(), latest = false): number {
    const chosen = formatSlots([...slots]);
    if (chosen !== '') this.#carryOut(() => decideRestart(this.fleet, { slots: chosen, latest }));
    return this.fleet.generation;
  }

  hold(by: 'user' | 'storm' = 'user', reason = 'held'): void {
    const { fleet } = this;
    this.commit(by === 'user' ? decideHold(fleet, DATE) : decideStormHold(fleet, reason, null, DATE));
  }

  resume(): void {
    this.commit(decideResume(this.fleet));
  }

  /** Begins a rolling update to a release, with some of the options of the spec's `update` changed. */
  roll(to: string, options: UpdateRequest['options'] = {}): void {
    const { spec } = this.fleet;
    const release = this.fleet.releases.get(to) ?? releaseOf(to, spec);
    this.#carryOut(() => decideUpdate(this.fleet, { spec, baseDir: '/', release, options }, DATE));
  }

  /** Brings everything to one release. */
  rollBack(to: string): void {
    this.#carryOut(() => decideRollback(this.fleet, to, DATE));
  }

  abort(): void {
    this.#act('abort');
  }

  pause(): void {
    this.#act('pause');
  }

  goOn(): void {
    this.#act('resume');
  }

  #act(action: RolloutAction): void {
    this.#carryOut(() => decideRolloutAction(this.fleet, action, DATE));
  }

  /** What is refused changes nothing. */
  #carryOut(decide: () => Decision): void {
    try {
      this.commit(decide().change);
    } catch (error) {
      if (!(error instanceof FleetError)) throw error;
    }
  }
}
