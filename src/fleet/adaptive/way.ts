import type { Trip } from './trip.ts';

/** The rate is the best of so many trips: a lull is no smaller capacity, a lasting one is. */
const RATE_TRIPS = 3;
/** Twice what fills it: the queue is never empty, and never long. */
const GAIN = 2;
/** Who only waits to be seen is in nobody's way, and many are seen at once: a little more, to find out whether more would do. */
const LOOK_GAIN = 1.25;
/** And a few, where so few fill it that one more is much. */
const SPARE = 4;

/** What is known of the way that agents go until they are ready: how many a second it takes, and how soon at best. */
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

  /** Learns from a trip. A queue can only have made it longer than it would have been. */
  learn(trip: Trip): void {
    this.#rates = [...this.#rates, trip.rate].slice(-RATE_TRIPS);
    this.#baseMs = Math.min(this.#baseMs, trip.ready.meanMs);
    this.#unseenMs = trip.unseen.meanMs;
  }

  /** Learns from a trip without a queue, whose rate says nothing. */
  learnAlone(trip: Trip): void {
    this.#baseMs = trip.fresh.meanMs;
    this.#unseenMs = trip.unseen.meanMs;
  }

  /** Agents that get ready a millisecond, at best. */
  get rate(): number {
    return Math.max(...this.#rates);
  }

  /** From start until it is seen that an agent is ready, where no queue is. Those who start together wait together. */
  get aloneMs(): number {
    return this.#baseMs + this.#unseenMs;
  }

  /** How many agents are under way where it is full and nobody queues, by Little's law. */
  get full(): number {
    return this.rate * this.aloneMs;
  }

  /** How many may be under way, so that it stays full and is seen to take more where it does. */
  get limit(): number {
    return this.rate * (GAIN * this.#baseMs + LOOK_GAIN * this.#unseenMs) + SPARE;
  }
}
