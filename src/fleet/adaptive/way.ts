import type { Trip } from './trip.ts';

/** The rate is the best of this number of trips: a lull does not mean less capacity, a lasting one does. */
const RATE_TRIPS = 3;
/** Twice what fills the way: the queue is never empty, and never long. */
const GAIN = 2;
/** Agents that only wait for a check load nothing, so a little more of them is allowed, to find out whether the rate rises. */
const CHECK_GAIN = 1.25;
/** A few more, because one agent matters if few fill the way. */
const SPARE = 4;

/** The way of agents until they are ready: its rate, and its latency without a queue. */
export class Way {
  #rates: number[];
  /** From start to ready without a queue. */
  #baseMs: number;
  #unseenMs: number;

  constructor(trip: Trip) {
    this.#rates = [trip.rate];
    this.#baseMs = trip.ready.meanMs;
    this.#unseenMs = trip.unseen.meanMs;
  }

  /** Learns from a trip. A queue can only have prolonged its latency. */
  learn(trip: Trip): void {
    this.#rates = [...this.#rates, trip.rate].slice(-RATE_TRIPS);
    this.#baseMs = Math.min(this.#baseMs, trip.ready.meanMs);
    this.#unseenMs = trip.unseen.meanMs;
  }

  /** Learns from a trip without a queue, whose rate is meaningless. */
  learnAlone(trip: Trip): void {
    this.#baseMs = trip.fresh.meanMs;
    this.#unseenMs = trip.unseen.meanMs;
  }

  /** The best rate of agents that become ready, per millisecond. */
  get rate(): number {
    return Math.max(...this.#rates);
  }

  /** The time from start until a check finds the agent ready, without a queue. Agents started together wait together. */
  get aloneMs(): number {
    return this.#baseMs + this.#unseenMs;
  }

  /** The number of agents that fill the way without a queue, by Little's law. */
  get full(): number {
    return this.rate * this.aloneMs;
  }

  /** The number of agents that keep the way full, with enough spare to notice a higher rate. */
  get limit(): number {
    return this.rate * (GAIN * this.#baseMs + CHECK_GAIN * this.#unseenMs) + SPARE;
  }
}
