import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { FleetEvent } from '../api/events.ts';
import { onDisk } from '../host/facts/explain.ts';
import { openExpendable, transaction } from './database.ts';

const SCHEMA = [
  `
  CREATE TABLE events (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, fleet TEXT, type TEXT NOT NULL, slots TEXT, reason TEXT NOT NULL
  ) STRICT;
  CREATE INDEX events_of_fleet ON events (fleet, seq)`,
];
/** The maximum number of events kept; about 15 MB. */
const KEPT_MAX = 100_000;
const PRUNE_EVERY = 1_000;
/** The maximum number of events that wait in memory while the disk fails; then the oldest are lost and counted. */
const WAITING_MAX = 10_000;

export type NewEvent = Omit<FleetEvent, 'seq'>;

/** What happened and why. It has a file of its own, so that its volume never affects the wanted state, and is bounded. */
export class EventStore {
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #waiting: FleetEvent[] = [];
  readonly #listeners = new Set<(event: FleetEvent) => void>();
  #seq: number;
  #lost = 0;
  readonly notice: string | null;
  /** The time of the newest event when the file was opened (ISO 8601); null if there was none. */
  readonly newestAt: string | null;

  constructor(path: string) {
    const { db, notice } = openExpendable(path, SCHEMA);
    this.#path = path;
    this.#db = db;
    this.#insert = db.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)');
    this.notice = notice;
    const newest = onDisk('read', path, () =>
      db.prepare('SELECT seq, at FROM events ORDER BY seq DESC LIMIT 1').get(),
    ) as Pick<FleetEvent, 'seq' | 'at'> | undefined;
    this.#seq = newest?.seq ?? 0;
    this.newestAt = newest?.at ?? null;
  }

  /** Adds an event and notifies the followers; the next flush writes it. */
  add(event: NewEvent): void {
    const numbered = { seq: ++this.#seq, ...event };
    this.#waiting.push(numbered);
    if (this.#waiting.length > WAITING_MAX) {
      this.#waiting.shift();
      this.#lost++;
    }
    for (const listener of this.#listeners) listener(numbered);
  }

  /** Writes the waiting events. @throws if the file cannot be written; they keep waiting then */
  flush(): void {
    if (this.#waiting.length === 0) return;
    transaction(this.#db, () => {
      for (const { seq, at, fleet, type, slots, reason } of this.#waiting) {
        this.#insert.run(seq, at, fleet, type, slots, reason);
        if (seq % PRUNE_EVERY === 0)
          this.#db.prepare('DELETE FROM events WHERE seq <= ?').run(seq - KEPT_MAX);
      }
    });
    this.#waiting.length = 0;
  }

  /** How many events were lost so far because the file could not be written. */
  get lost(): number {
    return this.#lost;
  }

  /** How many events are not written yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * The latest `limit` events after `seq`, oldest first, of one fleet or of all (null).
   * @throws FleetError if the file cannot be read
   */
  read(fleet: string | null, after: number, limit: number): FleetEvent[] {
    const stored = onDisk('read', this.#path, () =>
      this.#db
        .prepare(
          'SELECT * FROM events WHERE seq > ?1 AND (?2 IS NULL OR fleet = ?2) ORDER BY seq DESC LIMIT ?3',
        )
        .all(after, fleet, limit),
    ) as unknown as FleetEvent[];
    const waiting = this.#waiting.filter(
      (event) => event.seq > after && (fleet === null || event.fleet === fleet),
    );
    return limit === 0 ? [] : [...stored.reverse(), ...waiting].slice(-limit);
  }

  /** Calls back with every event from now on, until the returned function is called. */
  follow(listener: (event: FleetEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#db.close();
  }
}
