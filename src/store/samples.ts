import type { DatabaseSync } from 'node:sqlite';
import { explainFailure } from '../host/facts/explain.ts';
import { openExpendable, transaction } from './database.ts';
import { type MemoryReading, packReading, unpackReading } from './packing.ts';

const SCHEMA = [
  `CREATE TABLE passes (
    fleet TEXT NOT NULL, at INTEGER NOT NULL, header TEXT NOT NULL, columns BLOB NOT NULL, PRIMARY KEY (fleet, at)
  ) STRICT`,
  `CREATE TABLE said (fleet TEXT PRIMARY KEY, leak TEXT NOT NULL) STRICT`,
];
const HOUR_MS = 3_600_000;
/** How long, and how many at most, all passes are kept; older ones are thinned to one per hour. */
const DETAIL = { ms: 24 * HOUR_MS, passesMax: 1_500 } as const;
const HOURLY_MS = 30 * 24 * HOUR_MS;
/** The number of passes of a fleet after which old ones are removed. */
const PRUNE_EVERY = 16;

/**
 * The memory of fleets over time: every pass of a day, and one per hour for a month. It has a file of its own, so that its
 * volume never affects the wanted state, and is bounded: about 2,200 passes per fleet, of 5 bytes per agent.
 */
export class ReadingStore {
  readonly #path: string;
  #db: DatabaseSync;
  readonly #added = new Map<string, number>();
  readonly notice: string | null;
  /** Called with a notice when a file was damaged while it was open. */
  onNotice: (text: string) => void = () => {};

  constructor(path: string) {
    const { db, notice } = openExpendable(path, SCHEMA);
    this.#path = path;
    this.#db = db;
    this.notice = notice;
  }

  /** Adds a pass. @throws FleetError if the file cannot be written */
  add(fleet: string, pass: MemoryReading): void {
    const { header, columns } = packReading(pass);
    this.#run((db) =>
      db.prepare('INSERT OR REPLACE INTO passes VALUES (?, ?, ?, ?)').run(fleet, pass.at, header, columns),
    );
    const added = this.#added.get(fleet) ?? 0;
    this.#added.set(fleet, added + 1);
    if (added % PRUNE_EVERY === 0) this.#run(() => this.#prune(fleet, pass.at));
  }

  /** The passes of a fleet since a time (milliseconds since the epoch), oldest first, without unreadable ones. */
  *read(fleet: string, since: number): Generator<MemoryReading> {
    for (const at of this.times(fleet, since)) {
      const pass = this.get(fleet, at);
      if (pass) yield pass;
    }
  }

  /** The times of a fleet's passes since a time, oldest first. */
  times(fleet: string, since: number): number[] {
    const rows = this.#run((db) =>
      db.prepare('SELECT at FROM passes WHERE fleet = ? AND at >= ? ORDER BY at').all(fleet, since),
    );
    return rows.map(({ at }) => Number(at));
  }

  /** One pass; null if it no longer exists, or cannot be read. */
  get(fleet: string, at: number): MemoryReading | null {
    const row = this.#run((db) =>
      db.prepare('SELECT header, columns FROM passes WHERE fleet = ? AND at = ?').get(fleet, at),
    );
    return row ? tryUnpack(String(row.header), row.columns as Uint8Array) : null;
  }

  /** The leak of a fleet that was last reported, as it was stored; null if there is none. */
  lastVerdict(fleet: string): string | null {
    const row = this.#run((db) => db.prepare('SELECT leak FROM said WHERE fleet = ?').get(fleet));
    return row ? String(row.leak) : null;
  }

  /** Stores the leak of a fleet that is reported. */
  setLastVerdict(fleet: string, leak: string): void {
    this.#run((db) => db.prepare('INSERT OR REPLACE INTO said VALUES (?, ?)').run(fleet, leak));
  }

  /** Forgets a fleet. */
  remove(fleet: string): void {
    for (const table of ['said', 'passes'])
      this.#run((db) => db.prepare(`DELETE FROM ${table} WHERE fleet = ?`).run(fleet));
  }

  close(): void {
    this.#db.close();
  }

  /**
   * Runs `work`; a file that was damaged while it was open is first set aside and replaced by an empty one.
   * @throws FleetError if the disk fails
   */
  #run<T>(work: (db: DatabaseSync) => T): T {
    try {
      return work(this.#db);
    } catch (error) {
      if (!isDamage(error)) throw explainFailure(`cannot use ${this.#path}`, error, this.#path);
      this.#db.close();
      const { db, notice } = openExpendable(this.#path, SCHEMA);
      this.#db = db;
      this.onNotice(notice ?? `${this.#path} was damaged, but can be read again`);
      return work(db);
    }
  }

  #prune(fleet: string, now: number): void {
    const nth = this.#db
      .prepare('SELECT at FROM passes WHERE fleet = ? ORDER BY at DESC LIMIT 1 OFFSET ?')
      .get(fleet, DETAIL.passesMax) as { at: number } | undefined;
    const detailSince = Math.max(now - DETAIL.ms, nth?.at ?? 0);
    transaction(this.#db, () => {
      this.#db
        .prepare(
          `DELETE FROM passes WHERE fleet = ?1 AND at < ?2 AND at NOT IN (
             SELECT min(at) FROM passes WHERE fleet = ?1 AND at < ?2 GROUP BY at / ${HOUR_MS})`,
        )
        .run(fleet, detailSince);
      // A clock that was set back leaves passes in the future, which would never become old.
      this.#db
        .prepare('DELETE FROM passes WHERE fleet = ? AND (at < ? OR at > ?)')
        .run(fleet, now - HOURLY_MS, now);
    });
  }
}

/** SQLITE_CORRUPT and SQLITE_NOTADB (sqlite.org/rescode.html). */
const DAMAGES: ReadonlySet<number> = new Set([11, 26]);

function isDamage(error: unknown): boolean {
  return DAMAGES.has(((error as { errcode?: number }).errcode ?? 0) & 0xff);
}

function tryUnpack(header: string, columns: Uint8Array): MemoryReading | null {
  try {
    return unpackReading({ header, columns });
  } catch {
    return null;
  }
}
