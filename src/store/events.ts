import type { DatabaseSync } from 'node:sqlite';
import type { FleetEvent } from '../api/events.ts';
import { onDisk } from '../host/limits.ts';
import { openExpendable, transaction } from './database.ts';

const SCHEMA = [
  `
  CREATE TABLE events (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, fleet TEXT, type TEXT NOT NULL, slots TEXT, reason TEXT NOT NULL
  ) STRICT;
  CREATE INDEX events_of_fleet ON events (fleet, seq)`,
];
/** How many events are kept; about 15 MB. */
const KEPT_MAX = 100_000;
const PRUNE_EVERY = 1_000;
/** What waits in memory while the disk takes nothing; beyond that the oldest are dropped and counted. */
const WAITING_MAX = 10_000;

export type NewEvent = Omit<FleetEvent, 'seq'>;

/** What happened and why, in a file of its own so that its volume never touches the wanted state. Bounded. */
export class EventStore {
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #waiting: FleetEvent[] = [];
  readonly #listeners = new Set<(event: FleetEvent) => void>();
  #seq: number;
  #dropped = 0;
  readonly notice: string | null;
  /** When the newest event in the file was, as it was opened (ISO 8601); null where there is none. */
  readonly newestAt: string | null;

  constructor(path: string) {
    const { db, notice } = openExpendable(path, SCHEMA);
    this.#path = path;
    this.#db = db;
    this.notice = notice;
    const newest = onDisk('read', path, () =>
      db.prepare('SELECT seq, at FROM events ORDER BY seq DESC LIMIT 1').get(),
    ) as Pick<FleetEvent, 'seq' | 'at'> | undefined;
    this.#seq = newest?.seq ?? 0;
    this.newestAt = newest?.at ?? null;
  }

  /** Notes an event and tells the followers; it reaches the file with the next flush. */
  add(event: NewEvent): void {
    const numbered = { seq: ++this.#seq, ...event };
    this.#waiting.push(numbered);
    if (this.#waiting.length > WAITING_MAX) {
      this.#waiting.shift();
      this.#dropped++;
    }
    for (const listener of this.#listeners) listener(numbered);
  }

  /** Writes what waits. @throws where the file cannot be written; what waits goes on waiting */
  flush(): void {
    if (this.#waiting.length === 0) return;
    const insert = this.#db.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)');
    transaction(this.#db, () => {
      for (const { seq, at, fleet, type, slots, reason } of this.#waiting) {
        insert.run(seq, at, fleet, type, slots, reason);
        if (seq % PRUNE_EVERY === 0)
          this.#db.prepare('DELETE FROM events WHERE seq <= ?').run(seq - KEPT_MAX);
      }
    });
    this.#waiting.length = 0;
  }

  /** How many events were lost since the last call because the file could not be written. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  /**
   * The latest `limit` events after `seq`, oldest first, of one fleet or of all (null).
   * @throws FleetError where the file cannot be read
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
