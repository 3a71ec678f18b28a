/** How many blocks of an agent are kept, 4 bytes each. */
const BLOCKS = 24;
/** A block grows to so many ticks: together they span 8 hours of samples every 5 minutes. */
const TICKS_MAX = 4;
/** No sample in this block: above all memory there is. */
const NONE = 0xffff_ffff;

/**
 * The floor of each agent by blocks of time: the least of a block's samples, which a collection of garbage or a
 * connection that comes and goes does not lift. A run begins with blocks of one tick; when there are `BLOCKS` of them,
 * neighbours merge, so that whatever is known spans the whole life of the run, until blocks are `TICKS_MAX` long; then
 * the oldest goes.
 */
export class Floors {
  readonly #kib: Uint32Array;
  /** Whole blocks kept. */
  readonly #count: Uint8Array;
  readonly #ticks: Uint8Array;
  /** The block that is being filled, and how many ticks it has. */
  readonly #openKib: Uint32Array;
  readonly #openTicks: Uint8Array;
  /** How many of them had a sample that counts. */
  readonly #openSamples: Uint8Array;

  /** @param slots how many agents there is room for */
  constructor(slots: number) {
    this.#kib = new Uint32Array(slots * BLOCKS);
    this.#count = new Uint8Array(slots);
    this.#ticks = new Uint8Array(slots).fill(1);
    this.#openKib = new Uint32Array(slots).fill(NONE);
    this.#openTicks = new Uint8Array(slots);
    this.#openSamples = new Uint8Array(slots);
  }

  /** Takes over what another one knows; that one must not be larger. */
  copyFrom(smaller: Floors): void {
    this.#kib.set(smaller.#kib);
    this.#count.set(smaller.#count);
    this.#ticks.set(smaller.#ticks);
    this.#openKib.set(smaller.#openKib);
    this.#openTicks.set(smaller.#openTicks);
    this.#openSamples.set(smaller.#openSamples);
  }

  /** A new run is in the slot: nothing is known of it. */
  clear(slot: number): void {
    this.#count[slot] = 0;
    this.#ticks[slot] = 1;
    this.#open(slot);
  }

  /** The sample of one tick, null where there is none that counts. Gives whether a block was completed. */
  add(slot: number, kib: number | null): boolean {
    if (kib !== null) {
      this.#openKib[slot] = Math.min(this.#openKib[slot]!, kib);
      this.#openSamples[slot]!++;
    }
    if (++this.#openTicks[slot]! < this.#ticks[slot]!) return false;
    if (this.#count[slot] === BLOCKS) {
      this.#makeRoom(slot);
      // After a merge the open block is the first half of one of the new length.
      if (this.#openTicks[slot]! < this.#ticks[slot]!) return false;
    }
    // The least of few samples is higher than that of many: a block needs most of its own.
    const enough = this.#openSamples[slot]! > this.#ticks[slot]! / 2;
    this.#kib[slot * BLOCKS + this.#count[slot]!] = enough ? this.#openKib[slot]! : NONE;
    this.#count[slot]!++;
    this.#open(slot);
    return true;
  }

  #open(slot: number): void {
    this.#openKib[slot] = NONE;
    this.#openTicks[slot] = 0;
    this.#openSamples[slot] = 0;
  }

  /** The blocks of an agent that have a floor: ticks (of which only differences say something) and KiB, oldest first. */
  read(slot: number): { ticks: number[]; kib: number[] } {
    const ticks: number[] = [];
    const kib: number[] = [];
    for (let i = 0; i < this.#count[slot]!; i++) {
      const floor = this.#kib[slot * BLOCKS + i]!;
      if (floor === NONE) continue;
      ticks.push(i * this.#ticks[slot]!);
      kib.push(floor);
    }
    return { ticks, kib };
  }

  /** Whether the agent's blocks have their full length. */
  isLong(slot: number): boolean {
    return this.#ticks[slot] === TICKS_MAX;
  }

  #makeRoom(slot: number): void {
    const start = slot * BLOCKS;
    if (this.#ticks[slot] === TICKS_MAX) {
      this.#kib.copyWithin(start, start + 1, start + BLOCKS);
      this.#count[slot]!--;
      return;
    }
    for (let i = 0; i < BLOCKS / 2; i++) {
      this.#kib[start + i] = Math.min(this.#kib[start + 2 * i]!, this.#kib[start + 2 * i + 1]!);
    }
    this.#count[slot] = BLOCKS / 2;
    this.#ticks[slot]! *= 2;
  }
}
