/** No sample, or none that counts: above all memory there is. */
const NONE = 0xffff_ffff;
/** How fast an agent's usual number of connections follows it, as a part of itself and one more, a tick. */
const USUAL_STEP = 1 / 32;
/** A number of connections is a whole one: so much above the usual one is one more. */
const MORE = 0.5;
/** What connections cost is given back with a delay: for so many ticks after them samples do not count either. */
const LINGER_TICKS = 2;
const KIB = 1024;

/** What runs in each slot, and its last samples. */
export class Runs {
  readonly #startedMs: Float64Array;
  /** The last two samples in KiB, `NONE` where they do not count. */
  readonly #last: Uint32Array;
  readonly #beforeLast: Uint32Array;
  /** The middle of an agent's connections; NaN before the first count. */
  readonly #usual: Float32Array;
  readonly #linger: Uint8Array;

  /** @param slots how many agents there is room for */
  constructor(slots: number) {
    this.#startedMs = new Float64Array(slots).fill(Number.NaN);
    this.#last = new Uint32Array(slots).fill(NONE);
    this.#beforeLast = new Uint32Array(slots).fill(NONE);
    this.#usual = new Float32Array(slots).fill(Number.NaN);
    this.#linger = new Uint8Array(slots);
  }

  /** Takes over what another one knows; that one must not be larger. */
  copyFrom(smaller: Runs): void {
    this.#startedMs.set(smaller.#startedMs);
    this.#last.set(smaller.#last);
    this.#beforeLast.set(smaller.#beforeLast);
    this.#usual.set(smaller.#usual);
    this.#linger.set(smaller.#linger);
  }

  /** Whether this is another run than the one known; it is known from now on. */
  isNew(slot: number, startedMs: number): boolean {
    if (this.#startedMs[slot] === startedMs) return false;
    this.#startedMs[slot] = startedMs;
    this.#last[slot] = NONE;
    this.#beforeLast[slot] = NONE;
    this.#usual[slot] = Number.NaN;
    this.#linger[slot] = 0;
    return true;
  }

  /**
   * What counts of a sample, in KiB: nothing while the agent has more connections than it usually has, nor
   * shortly after, because those cost memory. The usual number is the median, followed by small steps.
   */
  counted(slot: number, rssBytes: number, connections: number | null): number | null {
    if (connections === null) return rssBytes / KIB;
    const before = this.#usual[slot]!;
    const step = USUAL_STEP * (1 + before) * Math.sign(connections - before);
    const usual = Number.isNaN(before) ? connections : before + step;
    this.#usual[slot] = usual;
    const isUsual = connections < usual + MORE;
    const lingers = this.#linger[slot]! > 0;
    this.#linger[slot] = isUsual ? Math.max(0, this.#linger[slot]! - 1) : LINGER_TICKS;
    return isUsual && !lingers ? rssBytes / KIB : null;
  }

  /** Adds a sample; gives the one before it where that is a floor, lower than neither neighbour: in KiB, else null. */
  floor(slot: number, kib: number | null): number | null {
    const last = this.#last[slot]!;
    const isFloor = last !== NONE && this.#beforeLast[slot]! >= last && (kib ?? NONE) >= last;
    this.#beforeLast[slot] = last;
    this.#last[slot] = kib ?? NONE;
    return isFloor ? last : null;
  }
}
