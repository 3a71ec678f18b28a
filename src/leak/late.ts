/** How fast what is usual follows: half of it is from the last 200 ticks. */
const FOLLOW = 1 / 288;
/** What is unusual becomes usual so much more slowly. */
const UNUSUAL = 1 / 8;
/** So many ticks before there is anything usual. */
const LEARNT_TICKS = 96;
const UNUSUAL_Z = 3;

/**
 * How many agents stand high with their last floors, against how many usually do. What is usual is learnt, because slow
 * collectors and open connections keep some of them high at any time.
 */
export class LateCount {
  #mean = 0;
  #variance = 0;
  #ticks = 0;
  #z = 0;

  /** Takes one tick. @param high so many agents stand high, of so many of which that can be told */
  add(high: number, of: number): void {
    if (of === 0) return;
    const usual = this.#mean * of;
    const dispersion = usual > 0 ? Math.max(1, (this.#variance * of) / this.#mean) : 1;
    // The square root makes a count of rare events nearly normal, with a deviation of 1/2: Anscombe 1948, Biometrika 35.
    const z = (2 * (Math.sqrt(high + 3 / 8) - Math.sqrt(usual + 3 / 8))) / Math.sqrt(dispersion);
    this.#z = this.#ticks < LEARNT_TICKS ? 0 : z;
    const rate = Math.max(FOLLOW, 1 / (this.#ticks + 1)) * (this.#z > UNUSUAL_Z ? UNUSUAL : 1);
    const away = high / of - this.#mean;
    this.#mean += rate * away;
    // What is unusual is not to make itself usual: one tick counts for three deviations at most.
    const most = 9 * Math.max(this.#variance, Math.max(this.#mean, 1 / of) / of);
    this.#variance += rate * (Math.min(away * away, most) - this.#variance);
    this.#ticks++;
  }

  /** How unusual the number is, in standard deviations; 0 until it is known what is usual. */
  get z(): number {
    return this.#z;
  }
}
