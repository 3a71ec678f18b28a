import type { DatabaseSync } from 'node:sqlite';
import { FleetError } from '../errors/fleet-error.ts';
import type { StoredFleet } from '../fleet/records.ts';
import { explainFailure, onDisk } from '../host/facts/explain.ts';
import { fileSize, lastAside, setAside, tryRemove } from '../host/files/files.ts';
import { completeSpec } from '../specification/complete.ts';
import { readCopy, type WantedCopy, writeCopy } from './copy.ts';
import { databaseFiles, isEnvironmental, openDatabase, transaction } from './database.ts';
import type { Settings } from './settings.ts';
import {
  contentOf,
  loadAll,
  loadSettings,
  restore,
  SCHEMA,
  type StoredChange,
  withoutMarks,
  writeChange,
} from './wanted-tables.ts';

/**
 * The wanted state: the fleets with their specs and releases, and which slots are wanted. It is in SQLite, and durable
 * before a change is acknowledged. After each commit, and also before the acknowledgement, a checksummed copy is written,
 * from which a damaged database is restored.
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

  /** All fleets; specs that an earlier fleetd has stored are complete. */
  load(): StoredFleet[] {
    return this.#read(loadAll).map(({ fleet, releases, slots }) => ({
      fleet: { ...fleet, spec: fleet.spec && completeSpec(fleet.spec) },
      releases: releases.map((release) =>
        release.spec ? { ...release, spec: completeSpec(release.spec) } : release,
      ),
      slots,
    }));
  }

  /**
   * Makes a change of one fleet durable. One that only marks slots (prepared, completed) does not write the copy: at worst,
   * `prepare` runs once more after the database was lost. It does not increase `seq` either, so that the copy stays
   * comparable.
   * @throws FleetError LIMIT_REACHED on a full disk, otherwise STATE_UNUSABLE; nothing has changed then
   */
  write(name: string, change: StoredChange): void {
    const { record, release, slots, forgotten, prepared, completed } = change;
    if (record || release || slots || forgotten) {
      this.#commit(() => writeChange(this.#db, name, change));
      this.#writeCopy();
    } else if (prepared || completed) {
      this.#transact(() => writeChange(this.#db, name, change));
    }
  }

  /** Makes changes of several fleets durable: all of them, or none. @throws FleetError as write() does */
  writeAll(changes: readonly (readonly [name: string, change: StoredChange])[]): void {
    this.#commit(() => {
      for (const [name, change] of changes) writeChange(this.#db, name, change);
    });
    this.#writeCopy();
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
