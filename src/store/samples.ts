import type { DatabaseSync } from 'node:sqlite';
import { explainFailure } from '../host/limits.ts';
import { openExpendable, transaction } from './database.ts';
import { type MemoryReading, packReading, unpackReading } from './packing.ts';

const SCHEMA = [
  `CREATE TABLE passes (
    fleet TEXT NOT NULL, at INTEGER NOT NULL, header TEXT NOT NULL, columns BLOB NOT NULL, PRIMARY KEY (fleet, at)
  ) STRICT`,
  `CREATE TABLE said (fleet TEXT PRIMARY KEY, leak TEXT NOT NULL) STRICT`,
];
const HOUR_MS = 3_600_000;
/** Every pass is kept for so long, but no more of them than that: the rest of the time one an hour. */
const DETAIL = { ms: 24 * HOUR_MS, passesMax: 1_500 } as const;
const HOURLY_MS = 30 * 24 * HOUR_MS;
/** What is old is cleared away after so many passes of a fleet. */
const PRUNE_EVERY = 16;

/**
 * The memory of fleets over time: every pass of a day, one an hour of a month. In a file of its own, so that its volume
 * never touches the wanted state, and bounded: about 2,200 passes a fleet, of 5 bytes an agent each.
 */
export class ReadingStore {
  readonly #path: string;
  #db: DatabaseSync;
  readonly #added = new Map<string, number>();
  readonly notice: string | null;
  /** Called with what became of a file that was damaged while it was open. */
  onNotice: (text: string) => void = () => {};

  constructor(path: string) {
    const { db, notice } = openExpendable(path, SCHEMA);
    this.#path = path;
    this.#db = db;
    this.notice = notice;
  }

  /** Keeps a pass. @throws where the file cannot be written */
  add(fleet: string, pass: MemoryReading): void {
    const { header, columns } = packReading(pass);
    this.#run((db) =>
      db.prepare('INSERT OR REPLACE INTO passes VALUES (?, ?, ?, ?)').run(fleet, pass.at, header, columns),
    );
    const added = this.#added.get(fleet) ?? 0;
    this.#added.set(fleet, added + 1);
    if (added % PRUNE_EVERY === 0) this.#run(() => this.#prune(fleet, pass.at));
  }

  /** The passes of a fleet since a time (milliseconds since the epoch), oldest first. One that cannot be read is left out. */
  *read(fleet: string, since: number): Generator<MemoryReading> {
    for (const at of this.times(fleet, since)) {
      const pass = this.get(fleet, at);
      if (pass) yield pass;
    }
  }

  /** When the passes of a fleet since a time were taken, oldest first. */
  times(fleet: string, since: number): number[] {
    const rows = this.#run((db) =>
      db.prepare('SELECT at FROM passes WHERE fleet = ? AND at >= ? ORDER BY at').all(fleet, since),
    );
    return rows.map(({ at }) => Number(at));
  }

  /** One pass; null where it is not there any more, or cannot be read. */
  get(fleet: string, at: number): MemoryReading | null {
    const row = this.#run((db) =>
      db.prepare('SELECT header, columns FROM passes WHERE fleet = ? AND at = ?').get(fleet, at),
    );
    return row ? tryUnpack(String(row.header), row.columns as Uint8Array) : null;
  }

  /** What was last said of a fleet's leak, as it was given; null where nothing was. */
  said(fleet: string): string | null {
    const row = this.#run((db) => db.prepare('SELECT leak FROM said WHERE fleet = ?').get(fleet));
    return row ? String(row.leak) : null;
  }

  /** Keeps what is said of a fleet's leak. */
  setSaid(fleet: string, leak: string): void {
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
   * A file that was damaged while it was open is set aside, and begun anew.
   * @throws FleetError where the disk gives or takes nothing
   */
  #run<T>(work: (db: DatabaseSync) => T): T {
    try {
      return work(this.#db);
    } catch (error) {
      if (!isDamage(error)) throw explainFailure(`cannot use ${this.#path}`, error, this.#path);
      this.#db.close();
      const { db, notice } = openExpendable(this.#path, SCHEMA);
      this.#db = db;
      this.onNotice(notice ?? `${this.#path} was damaged, and can be read again`);
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
      // A clock that was set back leaves passes in the future: they would never grow old.
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
