import pLimit from 'p-limit';
import { FleetError } from '../../errors.ts';
import type { Host, Output } from '../../host/host.ts';
import type { Paths } from '../../specification/paths.ts';
import type { Spec } from '../../specification/spec.ts';
import type { Managed } from '../fleet/managed.ts';

const SWEEP_MS = 1_000;
/** Every log is looked at once in so many sweeps; one that grows fast, in every sweep. */
const SWEEPS_PER_CYCLE = 60;
/** A log that has grown by this share of its bound between two looks grows fast. */
const FAST_GROWTH = 1 / 16;
/** So many logs are cut at a time, beside the loop. */
const CUTS_AT_ONCE_MAX = 2;
const SAMPLE_BYTES = 1_000;
const SAMPLE_LINES = 5;

/**
 * Agents' output: where it goes, that it stays within bounds, and a sample of it. A log may overshoot its bound by
 * what its agent writes until the next look: 60 s for one that was quiet, 1 s for one that writes much.
 */
export class Logs {
  readonly #paths: Paths;
  readonly #host: Host;
  readonly #sizes = new Map<string, number>();
  /** Logs that are being cut. */
  readonly #cutting = new Set<string>();
  readonly #limit = pLimit(CUTS_AT_ONCE_MAX);
  /** Slots whose log grows fast, by fleet. */
  readonly #fast = new Map<string, Set<number>>();
  #sweep = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(paths: Paths, host: Host) {
    this.#paths = paths;
    this.#host = host;
  }

  pathFor(fleet: string, slot: number): string {
    return this.#paths.log(fleet, slot);
  }

  /**
   * The file that a slot's agent writes to.
   * @throws FleetError USAGE where agents write elsewhere, SLOT_UNKNOWN where nothing was ever written
   */
  written({ name, fleet: { spec } }: Managed, slot: number): string {
    if (spec.logs.to === 'journal')
      throw new FleetError('USAGE', `${name} writes to the journal: journalctl -t ${name}/${slot}`);
    if (spec.logs.to === 'null')
      throw new FleetError('USAGE', `${name} has logs: { to: null }, so there is no output`);
    const path = this.pathFor(name, slot);
    if (Number.isInteger(slot) && this.#host.files.logs.size(path) !== null) return path;
    throw new FleetError('SLOT_UNKNOWN', `slot ${slot} of fleet ${name} has no output`);
  }

  /** Where an agent is to write to. A journal's descriptor is handed over and then closed here. */
  outputFor(spec: Spec, slot: number): Output {
    switch (spec.logs.to) {
      case 'file':
        this.#watchClosely(spec.name, slot);
        return { path: this.pathFor(spec.name, slot) };
      case 'null':
        return { path: '/dev/null' };
      case 'journal':
        return { fd: this.#host.sockets.openJournal(`${spec.name}/${slot}`) };
    }
  }

  closeJournal(fd: number): void {
    this.#host.sockets.closeJournal(fd);
  }

  /** The last lines that a slot's agent wrote; null where there are none. */
  tail(fleet: string, slot: number): string | null {
    const end = this.#host.files.logs.readEnd(this.pathFor(fleet, slot), SAMPLE_BYTES).trimEnd();
    return end === '' ? null : end.split('\n').slice(-SAMPLE_LINES).join('\n');
  }

  /** Begins to keep the logs of all fleets within bounds. */
  startSweeping(fleets: () => Iterable<Managed>, onProblem: (error: Error) => void): void {
    this.#timer = setInterval(() => {
      this.#sweep = (this.#sweep + 1) % SWEEPS_PER_CYCLE;
      for (const managed of fleets()) this.#sweepFleet(managed, onProblem);
    }, SWEEP_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #sweepFleet({ name, fleet }: Managed, onProblem: (error: Error) => void): void {
    const { to, maxSizeBytes } = fleet.spec.logs;
    if (to !== 'file') return;
    const due = new Set(this.#fast.get(name));
    for (let slot = this.#sweep; slot <= fleet.highest; slot += SWEEPS_PER_CYCLE) due.add(slot);
    for (const slot of due) {
      if (!fleet.slots.has(slot)) continue;
      this.#bound(name, slot, maxSizeBytes, onProblem);
    }
  }

  /** Nobody knows yet how much a new agent writes, so its log is looked at in the next sweep. */
  #watchClosely(fleet: string, slot: number): void {
    const slots = this.#fast.get(fleet) ?? new Set();
    this.#fast.set(fleet, slots.add(slot));
  }

  #bound(fleet: string, slot: number, maxBytes: number, onProblem: (error: Error) => void): void {
    const path = this.pathFor(fleet, slot);
    if (this.#cutting.has(path)) return;
    const size = this.#host.files.logs.size(path) ?? 0;
    if (size - (this.#sizes.get(path) ?? 0) > maxBytes * FAST_GROWTH) this.#watchClosely(fleet, slot);
    else this.#fast.get(fleet)?.delete(slot);
    this.#sizes.set(path, size > maxBytes / 2 ? 0 : size);
    if (size <= maxBytes / 2) return;
    this.#cutting.add(path);
    this.#limit(() => this.#host.files.logs.bound(path, maxBytes))
      .catch(onProblem)
      .finally(() => this.#cutting.delete(path));
  }
}
