/** The number of blocks kept per agent, 4 bytes each. */
const BLOCKS = 24;
/** The maximum length of a block: together they span 8 hours of readings every 5 minutes. */
const TICKS_MAX = 4;
/** No reading in this block: a value above any memory. */
const NONE = 0xffff_ffff;

/**
 * The floors of each agent per block of time. A floor is the minimum of a block's readings, which garbage collection and
 * short connections do not lift. A run begins with blocks of one tick. When there are `BLOCKS` of them, neighbours merge,
 * so that the blocks span the whole life of the run, until they are `TICKS_MAX` long; then the oldest is dropped.
 */
export class Floors {
  readonly #kib: Uint32Array;
  /** Whole blocks kept. */
  readonly #count: Uint8Array;
  readonly #ticks: Uint8Array;
  /** The open block, and its number of ticks. */
  readonly #openKib: Uint32Array;
  readonly #openTicks: Uint8Array;
  /** The number of its ticks with a reading that counts. */
  readonly #openSamples: Uint8Array;

  /** @param slots the number of slots to hold */
  constructor(slots: number) {
    this.#kib = new Uint32Array(slots * BLOCKS);
    this.#count = new Uint8Array(slots);
    this.#ticks = new Uint8Array(slots).fill(1);
    this.#openKib = new Uint32Array(slots).fill(NONE);
    this.#openTicks = new Uint8Array(slots);
    this.#openSamples = new Uint8Array(slots);
  }

  /** Copies the state of another one, which must not be larger. */
  copyFrom(smaller: Floors): void {
    this.#kib.set(smaller.#kib);
    this.#count.set(smaller.#count);
    this.#ticks.set(smaller.#ticks);
    this.#openKib.set(smaller.#openKib);
    this.#openTicks.set(smaller.#openTicks);
    this.#openSamples.set(smaller.#openSamples);
  }

  /** Forgets a slot, because it has a new run. */
  clear(slot: number): void {
    this.#count[slot] = 0;
    this.#ticks[slot] = 1;
    this.#open(slot);
  }

  /** Adds the reading of one tick (null if there is none that counts); returns whether a block was completed. */
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
    // The minimum of few readings is higher than that of many, so a block needs most of its readings.
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

  /** The blocks of an agent that have a floor, oldest first: ticks, of which only differences are meaningful, and KiB. */
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

  /** Whether the agent's blocks have their maximum length. */
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
