/** The share of time for which the loop works while thousands of agents start or end; supervising them takes far less. */
const BUSY = 0.1;
/** Growth that is worth the pause, of 60 ms with 10,000 agents. */
const GROWTH = 1.5;
/** Memory that grows slowly is looked at this often. */
const SLOW_MS = 600_000;

/** Decides when a supervisor gives memory back: in a quiet moment, if it has grown since the last time. */
export class Thrift {
  #isDue = true;
  #lookedAt = 0;
  /** What it had at the first look after it had given memory back; null until then. */
  #neededBytes: number | null = 0;

  /**
   * Whether memory is to be given back now.
   * @param utilization the share of the time since the last look for which the loop worked, from 0 to 1
   * @param now milliseconds
   * @param readBytes reads the memory of the supervisor; called only if something may have changed it
   */
  isDue(utilization: number, now: number, readBytes: () => number): boolean {
    const isBusy = utilization > BUSY;
    this.#isDue ||= isBusy || now - this.#lookedAt > SLOW_MS;
    if (isBusy || !this.#isDue) return false;
    this.#lookedAt = now;
    const bytes = readBytes();
    this.#neededBytes ??= bytes;
    this.#isDue = bytes > this.#neededBytes * GROWTH;
    if (this.#isDue) this.#neededBytes = null;
    return this.#isDue;
  }
}
