import { judgePressure } from '../../fleet/pressure.ts';
import type { Spec } from '../../specification/spec.ts';
import { every } from '../shared/timers.ts';
import { runHook } from './hook.ts';
import { SpecWatch } from './spec-watch.ts';

/** The interval of reading the host's memory; shorter before starts, because many starting agents use it up fast. */
const READ_MS = { idle: 1_000, starting: 100 } as const;

type Limits = NonNullable<Spec['pressure']>;

/** Keeps a fleet whose spec has `pressure` from starting anything while the host's memory is short. */
export class Pressure extends SpecWatch<Limits> {
  #limits: Limits | null = null;
  #readAt = Number.NEGATIVE_INFINITY;
  /** The running hook; the next one waits for it, so that `end` does not overtake a slow `begin`. */
  #hook = Promise.resolve();

  protected override partOf({ pressure }: Spec): Limits | null {
    return pressure;
  }

  protected override begin(limits: Limits, signal: AbortSignal): void {
    const { log } = this.context.services;
    this.#limits = limits;
    every(
      READ_MS.idle,
      signal,
      () => this.#judge(limits),
      (error) => log.error({ error: error.message }, 'cannot read the memory of the host'),
    );
    this.#judge(limits);
  }

  protected override ended(why: 'respec' | 'removed' | 'shutdown'): void {
    const { fleet, name, services } = this.context;
    this.#limits = null;
    // The new limits are compared with what the old ones found.
    if (why === 'respec' && fleet.spec.pressure) return;
    if (fleet.pressure && why !== 'shutdown')
      services.journal.note('pressure', name, 'memory is no longer watched');
    fleet.pressure = null;
  }

  beforeTurn(): void {
    if (!this.#limits || performance.now() - this.#readAt < READ_MS.starting) return;
    const { pending, inRound, toReplace } = this.context.fleet.queues;
    if (pending.size + inRound.size + toReplace.size > 0) this.#judge(this.#limits);
  }

  #judge(limits: Limits): void {
    const { fleet, name, services } = this.context;
    const { host, journal } = services;
    this.#readAt = performance.now();
    const before = fleet.pressure;
    const after = judgePressure(before, host.memory.readMemory(), limits.availablePercent, host.now());
    fleet.pressure = after;
    if ((before === null) === (after === null)) return;
    if (after) fleet.adaptive?.shortage('memory is short', host.now());
    journal.note('pressure', name, after ? `no starts: ${after.reason}` : 'memory is available again');
    this.#hook = this.#hook.then(() => this.#runHook(limits, after ? 'begin' : 'end'));
    this.context.wake();
  }

  /** Runs `pressure.hook`, whose variable FLEET_PRESSURE says whether memory has become short (begin) or is available (end). */
  async #runHook({ hook }: Limits, phase: 'begin' | 'end'): Promise<void> {
    const { name, services } = this.context;
    if (!hook) return;
    try {
      await runHook(this.context, hook, 'pressure.hook', { FLEET_PRESSURE: phase });
    } catch (error) {
      services.journal.note('pressure', name, `pressure.hook (${phase}) failed: ${(error as Error).message}`);
    }
  }
}
