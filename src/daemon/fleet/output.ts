import pLimit from 'p-limit';
import { FleetError } from '../../errors/fleet-error.ts';
import type { LogFiles, Output as OutputTarget } from '../../host/host.ts';
import { every } from '../shared/timers.ts';
import type { FleetContext, FleetWatch } from './context.ts';

const SWEEP_MS = 1_000;
/** Every log is measured once in this number of sweeps; one that grows fast, in every sweep. */
const SWEEPS_PER_CYCLE = 60;
/** A log that has grown by this share of its bound between two sweeps grows fast. */
const FAST_GROWTH = 1 / 16;
/** The maximum number of logs, of all fleets together, that are cut at a time next to the loop. */
const CUTS_AT_ONCE_MAX = 2;
const SAMPLE_BYTES = 1_000;
const SAMPLE_LINES = 5;

const cuts = pLimit(CUTS_AT_ONCE_MAX);

/**
 * The output of a fleet's agents: where it goes, its bounds, and samples of it. A log may exceed its bound by what its
 * agent writes until it is next measured: 60 s if it was quiet, 1 s if it grows fast.
 */
export class Output implements FleetWatch {
  readonly #context: FleetContext;
  readonly #files: LogFiles;
  readonly #sizes = new Map<number, number>();
  /** Slots whose log is being cut. */
  readonly #cutting = new Set<number>();
  /** Slots whose log grows fast. */
  readonly #fast = new Set<number>();
  #sweep = 0;

  constructor(context: FleetContext) {
    this.#context = context;
    this.#files = context.services.host.files.logs;
  }

  start(): void {
    const { fleet, signal, services } = this.#context;
    // How much the agents have written while no supervisor ran is unknown.
    for (const slot of fleet.slots.keys()) this.#fast.add(slot);
    every(
      SWEEP_MS,
      signal,
      () => this.#sweepAll(),
      (error) => services.log.warn({ error: error.message }, 'cannot bound a log'),
    );
  }

  path(slot: number): string {
    return this.#context.services.paths.log(this.#context.name, slot);
  }

  /**
   * The file that a slot's agent writes to.
   * @throws FleetError USAGE if agents write elsewhere, SLOT_UNKNOWN if nothing was ever written
   */
  written(slot: number): string {
    const { name, fleet } = this.#context;
    const { to } = fleet.spec.logs;
    if (to === 'journal')
      throw new FleetError('USAGE', `fleet ${name} writes to the journal; run journalctl -t ${name}/${slot}`);
    if (to === 'null')
      throw new FleetError('USAGE', `fleet ${name} has logs: { to: null }, so there is no output`);
    const path = this.path(slot);
    if (Number.isInteger(slot) && this.#files.size(path) !== null) return path;
    throw new FleetError('SLOT_UNKNOWN', `slot ${slot} of fleet ${name} has no output`);
  }

  /** Opens the output of an agent that starts. A journal's descriptor is the caller's to close. */
  open(slot: number): OutputTarget {
    switch (this.#context.fleet.spec.logs.to) {
      case 'file':
        // How much a new agent writes is unknown, so its log is measured in the next sweep.
        this.#fast.add(slot);
        return { path: this.path(slot) };
      case 'null':
        return { path: '/dev/null' };
      case 'journal':
        return { fd: this.#context.services.host.sockets.openJournal(this.#context.key(slot)) };
    }
  }

  /** The last lines of a slot's agent; null if there are none. */
  sample(slot: number): string | null {
    const end = this.#files.readEnd(this.path(slot), SAMPLE_BYTES).trimEnd();
    return end === '' ? null : end.split('\n').slice(-SAMPLE_LINES).join('\n');
  }

  #sweepAll(): void {
    const { fleet } = this.#context;
    const { to, maxSizeBytes } = fleet.spec.logs;
    this.#sweep = (this.#sweep + 1) % SWEEPS_PER_CYCLE;
    if (to !== 'file') return;
    const due = new Set(this.#fast);
    for (let slot = this.#sweep; slot <= fleet.highest; slot += SWEEPS_PER_CYCLE) due.add(slot);
    for (const slot of due) {
      if (fleet.slots.has(slot)) this.#bound(slot, maxSizeBytes);
      else {
        this.#fast.delete(slot);
        this.#sizes.delete(slot);
      }
    }
  }

  #bound(slot: number, maxBytes: number): void {
    if (this.#cutting.has(slot)) return;
    const path = this.path(slot);
    const size = this.#files.size(path) ?? 0;
    if (size - (this.#sizes.get(slot) ?? 0) > maxBytes * FAST_GROWTH) this.#fast.add(slot);
    else this.#fast.delete(slot);
    const isLarge = size > maxBytes / 2;
    this.#sizes.set(slot, isLarge ? 0 : size);
    if (!isLarge) return;
    this.#cutting.add(slot);
    const { log } = this.#context.services;
    cuts(() => this.#files.bound(path, maxBytes))
      .catch((error: Error) => log.warn({ error: error.message }, 'cannot bound a log'))
      .finally(() => this.#cutting.delete(slot));
  }
}
