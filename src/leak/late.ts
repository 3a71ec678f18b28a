/** The rate at which the usual share follows: half of it comes from the last 200 ticks. */
const FOLLOW = 1 / 288;
/** The factor by which an unusual share is followed more slowly. */
const UNUSUAL = 1 / 8;
/** The number of ticks before a usual share is known. */
const LEARNT_TICKS = 96;
const UNUSUAL_Z = 3;

/**
 * Compares how many agents have high last floors with how many usually do. The usual share is learnt, because slow
 * collectors and open connections keep some agents high at any time.
 */
export class LateCount {
  #mean = 0;
  #variance = 0;
  #ticks = 0;
  #z = 0;

  /** Takes one tick. @param high the number of high agents, among the `of` agents for which this is known */
  add(high: number, of: number): void {
    if (of === 0) return;
    const usual = this.#mean * of;
    const dispersion = usual > 0 ? Math.max(1, (this.#variance * of) / this.#mean) : 1;
    // The square root of a count of rare events is nearly normal, with a deviation of 1/2: Anscombe 1948, Biometrika 35.
    const z = (2 * (Math.sqrt(high + 3 / 8) - Math.sqrt(usual + 3 / 8))) / Math.sqrt(dispersion);
    this.#z = this.#ticks < LEARNT_TICKS ? 0 : z;
    const rate = Math.max(FOLLOW, 1 / (this.#ticks + 1)) * (this.#z > UNUSUAL_Z ? UNUSUAL : 1);
    const away = high / of - this.#mean;
    this.#mean += rate * away;
    // An outlier must not make itself usual, so one tick counts for at most three deviations.
    const most = 9 * Math.max(this.#variance, Math.max(this.#mean, 1 / of) / of);
    this.#variance += rate * (Math.min(away * away, most) - this.#variance);
    this.#ticks++;
  }

  /** How unusual the number is, in standard deviations; 0 until the usual share is known. */
  get z(): number {
    return this.#z;
  }
}
