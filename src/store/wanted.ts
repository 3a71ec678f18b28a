import type { DatabaseSync } from 'node:sqlite';
import { FleetError } from '../errors.ts';
import { fileSize, lastAside, setAside, tryRemove } from '../host/files/files.ts';
import { explainFailure, onDisk } from '../host/limits.ts';
import { readCopy, type WantedCopy, writeCopy } from './copy.ts';
import { databaseFiles, isEnvironmental, openDatabase, transaction } from './database.ts';
import type { FleetRecord, ReleaseRecord, Settings, SlotRecord, StoredFleet } from './records.ts';

const SCHEMA = [
  `
  CREATE TABLE meta (seq INTEGER NOT NULL) STRICT;
  INSERT INTO meta VALUES (0);
  CREATE TABLE fleets (name TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE releases (fleet TEXT, id TEXT, record TEXT NOT NULL, PRIMARY KEY (fleet, id)) STRICT, WITHOUT ROWID;
  CREATE TABLE slots (
    fleet TEXT, slot INTEGER, wanted INTEGER NOT NULL, release TEXT NOT NULL, generation INTEGER NOT NULL,
    prepared INTEGER NOT NULL, PRIMARY KEY (fleet, slot)
  ) STRICT, WITHOUT ROWID`,
  `ALTER TABLE meta ADD COLUMN settings TEXT NOT NULL DEFAULT '{}'`,
];

/** What one change writes, completely or not at all. */
export interface StoreChange {
  fleet?: FleetRecord;
  release?: ReleaseRecord;
  slots?: readonly SlotRecord[];
  /** Releases that are no longer kept. */
  forgotten?: readonly string[];
}

/**
 * The wanted state: the fleets with their specs and releases, and which slots are wanted. It is in SQLite, and durable
 * before a change is acknowledged. After each commit, and also before the acknowledgement, a checksummed copy is written,
 * from which a damaged database is restored.
 *
 * This file is longer than 300 lines because reading, writing, restoring and the copy share one connection and its rules.
 */
export class WantedStore {
  readonly #path: string;
  readonly #copyPath: string;
  readonly #db: DatabaseSync;
  #hasCopy = true;
  /** Whether SQLite's log may hold a commit that was refused. */
  #hasRefused = false;
  /** Messages to the user about damage found at opening, and about later failures. */
  readonly notices: string[] = [];
  /** Called with each notice after the opening. */
  onNotice: (text: string) => void = () => {};

  /** @throws FleetError STATE_UNUSABLE or LIMIT_REACHED if the files cannot be opened or written */
  constructor(path: string, copyPath: string) {
    this.#path = path;
    this.#copyPath = copyPath;
    try {
      const copy = this.#readCopy();
      this.#db = this.#open(copy);
      // A correct copy is left unchanged, because a full disk could not take it again.
      if (JSON.stringify(copy) !== JSON.stringify(contentOf(this.#db))) this.#writeCopy();
    } catch (error) {
      throw explainFailure(`cannot open ${path}`, error, path);
    }
  }

  /** All fleets. */
  load(): StoredFleet[] {
    return this.#read(loadAll);
  }

  /**
   * Makes a change of one fleet durable.
   * @throws FleetError LIMIT_REACHED on a full disk, otherwise STATE_UNUSABLE; nothing has changed then
   */
  write(name: string, change: StoreChange): void {
    this.#commit(() => writeChange(this.#db, name, change));
    this.#writeCopy();
  }

  /**
   * Notes that slots were prepared. This does not write the copy: at worst, `prepare` runs once more after the database
   * was lost. It does not increase `seq` either, so that the copy stays comparable.
   */
  writePrepared(name: string, slots: readonly number[]): void {
    this.#transact(() => {
      const update = this.#db.prepare('UPDATE slots SET prepared = 1 WHERE fleet = ? AND slot = ?');
      for (const slot of slots) update.run(name, slot);
    });
  }

  /** Retries what the disk refused earlier, and writes the copy again if it was deleted. */
  keepCopy(): void {
    if (this.#hasRefused) this.#cover();
    if (this.#hasCopy && fileSize(this.#copyPath) !== null) return;
    this.#writeCopy();
    if (this.#hasCopy) this.#notice(`${this.#copyPath} was missing and has been written again`);
  }

  /** The settings of the supervisor itself. */
  get settings(): Settings {
    return this.#read(loadSettings);
  }

  /** Makes a change of the settings durable. @throws FleetError as write() does */
  writeSettings(settings: Settings): void {
    this.#commit(() => this.#db.prepare('UPDATE meta SET settings = ?').run(JSON.stringify(settings)));
    this.#writeCopy();
  }

  /** Forgets a fleet. */
  remove(name: string): void {
    this.#commit(() => {
      for (const table of ['slots', 'releases'])
        this.#db.prepare(`DELETE FROM ${table} WHERE fleet = ?`).run(name);
      this.#db.prepare('DELETE FROM fleets WHERE name = ?').run(name);
    });
    this.#writeCopy();
  }

  close(): void {
    this.#db.close();
  }

  #commit(work: () => void): void {
    this.#transact(() => {
      work();
      this.#db.exec('UPDATE meta SET seq = seq + 1');
    });
  }

  #read<T>(query: (db: DatabaseSync) => T): T {
    return onDisk('read', this.#path, () => query(this.#db));
  }

  #transact(work: () => void): void {
    this.#checkPlace();
    try {
      transaction(this.#db, work);
    } catch (error) {
      this.#cover();
      throw explainFailure(`cannot write ${this.#path}`, error, this.#path);
    }
  }

  /**
   * If only the fsync of a commit failed, SQLite has rolled it back, but its log holds the whole commit, and the next
   * supervisor would find what was refused. So another commit overwrites it, now or when the disk works again.
   */
  #cover(): void {
    try {
      // Changed twice, because SQLite writes no page for a statement that changes nothing.
      transaction(this.#db, () =>
        this.#db.exec('UPDATE meta SET seq = seq + 1; UPDATE meta SET seq = seq - 1'),
      );
      this.#hasRefused = false;
    } catch {
      this.#hasRefused = true;
    }
  }

  /**
   * A deleted database keeps working, but ends with this process. So the copy must be writable before a change is
   * acknowledged.
   */
  #checkPlace(): void {
    if (fileSize(this.#path) !== null) return;
    try {
      writeCopy(this.#copyPath, contentOf(this.#db));
    } catch (error) {
      const { code, message, hint } = explainFailure(`cannot write ${this.#copyPath}`, error, this.#copyPath);
      throw new FleetError(code, `${this.#path} was deleted, and its copy cannot be written: ${message}`, {
        hint,
        cause: error,
      });
    }
  }

  /** Writes the copy. If that fails, the old copy is removed, so that only the database remains. */
  #writeCopy(): void {
    try {
      writeCopy(this.#copyPath, contentOf(this.#db));
      this.#hasCopy = true;
    } catch (error) {
      if (this.#hasCopy)
        this.#notice(`${(error as Error).message}; until it can be written, the state has no copy`);
      this.#hasCopy = false;
      // If the database was deleted, an old copy is better than nothing.
      if (fileSize(this.#path) !== null) tryRemove(this.#copyPath);
    }
  }

  #notice(text: string): void {
    this.notices.push(text);
    this.onNotice(text);
  }

  #readCopy(): WantedCopy | null {
    const { copy, damage } = readCopy(this.#copyPath);
    if (damage) this.#notice(`${damage}; it is kept as ${setAside([this.#copyPath], new Date())}`);
    return copy;
  }

  #open(copy: WantedCopy | null): DatabaseSync {
    const found = this.#openTrusted(copy);
    if ('db' in found) return found.db;
    const aside = setAside(databaseFiles(this.#path), new Date());
    const db = openDatabase(this.#path, 'full', SCHEMA);
    if (copy) restore(db, copy);
    const kept = aside ? ` It is kept as ${aside}.` : '';
    const consequence = copy
      ? `Restored from ${this.#copyPath}.`
      : 'There is no usable copy, so the running agents are held as they are.';
    this.#notice(`${this.#path} cannot be trusted: ${found.damage}.${kept} ${consequence}`);
    return db;
  }

  /** Opens the present database; or closes it and returns why it cannot be trusted. */
  #openTrusted(copy: WantedCopy | null): { db: DatabaseSync } | { damage: string } {
    const size = fileSize(this.#path);
    if (size === 0) return { damage: 'it is empty' };
    if (size === null && copy) return { damage: 'it is missing' };
    // Both are missing but were set aside: an earlier supervisor was interrupted before it wrote new ones and a notice.
    const aside = size === null ? (lastAside(this.#path) ?? lastAside(this.#copyPath)) : null;
    if (aside !== null) return { damage: `it has been missing since it was set aside as ${aside}` };
    let db: DatabaseSync | undefined;
    try {
      db = openDatabase(this.#path, 'full', SCHEMA);
      // Always read: content that cannot be read is damaged, even if SQLite finds its pages intact.
      const content = contentOf(db);
      // The copy is written after the database: if it is as new but differs, the database has lost something.
      if (!copy || copy.seq < content.seq || withoutMarks(copy) === withoutMarks(content)) return { db };
      db.close();
      return { damage: 'it is older than its copy, or was altered' };
    } catch (error) {
      if (db?.isOpen) db.close();
      if (isEnvironmental(error)) throw error;
      return { damage: (error as Error).message };
    }
  }
}

function readSeq(db: DatabaseSync): number {
  return (db.prepare('SELECT seq FROM meta').get() as { seq: number }).seq;
}

function loadSettings(db: DatabaseSync): Settings {
  const { settings } = db.prepare('SELECT settings FROM meta').get() as { settings: string };
  return JSON.parse(settings) as Settings;
}

/** The whole content of the database, in the form of the copy. */
function contentOf(db: DatabaseSync): WantedCopy {
  return { seq: readSeq(db), fleets: loadAll(db), settings: loadSettings(db) };
}

/** The content that must be equal in database and copy, as text: everything except `prepared`, which the copy may lack. */
function withoutMarks({ seq, fleets, settings }: WantedCopy): string {
  const unmarked = fleets.map((one) => ({
    ...one,
    slots: one.slots.map((slot) => ({ ...slot, prepared: false })),
  }));
  return JSON.stringify({ seq, fleets: unmarked, settings });
}

function restore(db: DatabaseSync, { seq, fleets, settings }: WantedCopy): void {
  transaction(db, () => {
    for (const { fleet, releases, slots } of fleets) {
      writeChange(db, fleet.name, { fleet, slots });
      for (const release of releases) writeChange(db, fleet.name, { release });
    }
    db.prepare('UPDATE meta SET seq = ?, settings = ?').run(seq, JSON.stringify(settings));
  });
}

function writeChange(
  db: DatabaseSync,
  name: string,
  { fleet, release, slots, forgotten = [] }: StoreChange,
): void {
  if (fleet) {
    db.prepare('INSERT OR REPLACE INTO fleets VALUES (?, ?)').run(name, JSON.stringify(fleet));
  }
  if (release) {
    db.prepare('INSERT OR REPLACE INTO releases VALUES (?, ?, ?)').run(
      name,
      release.id,
      JSON.stringify(release),
    );
  }
  for (const id of forgotten) {
    db.prepare('DELETE FROM releases WHERE fleet = ? AND id = ?').run(name, id);
  }
  if (slots) {
    const insert = db.prepare('INSERT OR REPLACE INTO slots VALUES (?, ?, ?, ?, ?, ?)');
    for (const { slot, wanted, release: id, generation, prepared } of slots) {
      insert.run(name, slot, Number(wanted), id, generation, Number(prepared));
    }
  }
}

function loadAll(db: DatabaseSync): StoredFleet[] {
  const fleets = db.prepare('SELECT record FROM fleets ORDER BY name').all() as { record: string }[];
  const slots = db.prepare(
    'SELECT slot, wanted, release, generation, prepared FROM slots WHERE fleet = ? ORDER BY slot',
  );
  const releases = db.prepare('SELECT record FROM releases WHERE fleet = ? ORDER BY id');
  return fleets.map((row) => {
    const fleet = JSON.parse(row.record) as FleetRecord;
    return {
      fleet,
      slots: slots.all(fleet.name).map((slot) => ({
        slot: Number(slot.slot),
        wanted: slot.wanted === 1,
        release: String(slot.release),
        generation: Number(slot.generation),
        prepared: slot.prepared === 1,
      })),
      releases: releases
        .all(fleet.name)
        .map((release) => JSON.parse(String(release.record)) as ReleaseRecord),
    };
  });
}
