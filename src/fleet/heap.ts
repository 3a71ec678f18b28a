/** A binary min-heap of numbers by key: finds the next due among thousands at a cost that does not grow with them. */
export class Heap {
  readonly #keys: number[] = [];
  readonly #values: number[] = [];

  /** The smallest key; Infinity if the heap is empty. */
  get next(): number {
    return this.#keys[0] ?? Number.POSITIVE_INFINITY;
  }

  /** The value with the smallest key; undefined if the heap is empty. */
  get top(): number | undefined {
    return this.#values[0];
  }

  push(key: number, value: number): void {
    let i = this.#keys.length;
    this.#keys.push(key);
    this.#values.push(value);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (this.#keys[parent]! <= key) break;
      this.#swap(i, parent);
      i = parent;
    }
  }

  /** Removes and returns the value with the smallest key; undefined if the heap is empty. */
  pop(): number | undefined {
    const top = this.#values[0];
    const last = this.#keys.length - 1;
    if (last < 0) return undefined;
    this.#swap(0, last);
    this.#keys.pop();
    this.#values.pop();
    this.#sink(0);
    return top;
  }

  #sink(start: number): void {
    let i = start;
    for (;;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < this.#keys.length && this.#keys[child]! < this.#keys[least]!) least = child;
      }
      if (least === i) return;
      this.#swap(i, least);
      i = least;
    }
  }

  #swap(a: number, b: number): void {
    [this.#keys[a], this.#keys[b]] = [this.#keys[b]!, this.#keys[a]!];
    [this.#values[a], this.#values[b]] = [this.#values[b]!, this.#values[a]!];
  }
}
