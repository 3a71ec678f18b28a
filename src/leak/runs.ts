/** No reading that counts: a value above any memory. */
const NONE = 0xffff_ffff;
/** The step per tick by which the usual number of connections follows the current one, relative to itself plus one. */
const USUAL_STEP = 1 / 32;
/** The excess over the usual number that means one more connection; numbers of connections are whole. */
const MORE = 0.5;
/** The number of ticks after extra connections in which readings do not count, because their memory is freed late. */
const LINGER_TICKS = 2;
const KIB = 1024;

/** The run in each slot, and its last readings. */
export class Runs {
  readonly #startedMs: Float64Array;
  /** The last two readings in KiB; `NONE` if they do not count. */
  readonly #last: Uint32Array;
  readonly #beforeLast: Uint32Array;
  /** The median of an agent's connections; NaN before the first count. */
  readonly #usual: Float32Array;
  readonly #linger: Uint8Array;

  /** @param slots the number of slots to hold */
  constructor(slots: number) {
    this.#startedMs = new Float64Array(slots).fill(Number.NaN);
    this.#last = new Uint32Array(slots).fill(NONE);
    this.#beforeLast = new Uint32Array(slots).fill(NONE);
    this.#usual = new Float32Array(slots).fill(Number.NaN);
    this.#linger = new Uint8Array(slots);
  }

  /** Copies the state of another one, which must not be larger. */
  copyFrom(smaller: Runs): void {
    this.#startedMs.set(smaller.#startedMs);
    this.#last.set(smaller.#last);
    this.#beforeLast.set(smaller.#beforeLast);
    this.#usual.set(smaller.#usual);
    this.#linger.set(smaller.#linger);
  }

  /** Returns whether this is a new run in the slot, and remembers it. */
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
   * The reading in KiB if it counts, else null. It does not count while the agent has more connections than usual, nor
   * shortly after, because connections use memory. The usual number is the median, followed in small steps.
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

  /** Adds a reading; returns the previous one in KiB if it is a floor, not above either neighbour, else null. */
  floor(slot: number, kib: number | null): number | null {
    const last = this.#last[slot]!;
    const isFloor = last !== NONE && this.#beforeLast[slot]! >= last && (kib ?? NONE) >= last;
    this.#beforeLast[slot] = last;
    this.#last[slot] = kib ?? NONE;
    return isFloor ? last : null;
  }
}
