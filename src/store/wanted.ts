import type { DatabaseSync } from 'node:sqlite';
import { FleetError } from '../errors/fleet-error.ts';
import type { StoredFleet } from '../fleet/records.ts';
import { fileSize, lastAside, setAside, tryRemove } from '../host/files/files.ts';
import { explainFailure, onDisk } from '../host/limits.ts';
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
 * The wanted state: which fleets there are, of what spec and release, and which slots are wanted. It is in SQLite,
 * durable before a change is acknowledged. After each commit, and still before the acknowledgement, a checksummed
 * copy is written, from which a damaged database is restored.
 */
export class WantedStore {
  readonly #path: string;
  readonly #copyPath: string;
  readonly #db: DatabaseSync;
  #hasCopy = true;
  /** Whether the log may hold a commit that was refused. */
  #hasRefused = false;
  /** What was found damaged at opening and what became of it, and what failed later; the user is to know of it. */
  readonly notices: string[] = [];
  /** Called with each notice that comes after the opening. */
  onNotice: (text: string) => void = () => {};

  /** @throws FleetError STATE_UNUSABLE or LIMIT_REACHED where the files cannot be opened or written */
  constructor(path: string, copyPath: string) {
    this.#path = path;
    this.#copyPath = copyPath;
    try {
      const copy = this.#readCopy();
      this.#db = this.#open(copy);
      // One that is as it has to be is left alone: on a full disk it could not be written again.
      if (JSON.stringify(copy) !== JSON.stringify(contentOf(this.#db))) this.#writeCopy();
    } catch (error) {
      throw explainFailure(`cannot open ${path}`, error, path);
    }
  }

  /** Everything there is. */
  load(): StoredFleet[] {
    return this.#read(loadAll);
  }

  /**
   * Makes a change of one fleet durable. One that only marks slots as prepared does not renew the copy: at worst `prepare`
   * would run once more after the database was lost; nor does it count as a change, so that the copy stays the one to
   * compare with.
   * @throws FleetError LIMIT_REACHED on a full disk, STATE_UNUSABLE else; nothing has changed then
   */
  write(name: string, change: StoredChange): void {
    const { record, release, slots, forgotten, prepared } = change;
    if (record || release || slots || forgotten) {
      this.#commit(() => writeChange(this.#db, name, change));
      this.#writeCopy();
    } else if (prepared) {
      this.#transact(() => writeChange(this.#db, name, change));
    }
  }

  /** Does what the disk did not take when it was due; writes the copy where somebody has deleted it. */
  keepCopy(): void {
    if (this.#hasRefused) this.#cover();
    if (this.#hasCopy && fileSize(this.#copyPath) !== null) return;
    this.#writeCopy();
    if (this.#hasCopy) this.#notice(`${this.#copyPath} was missing, and is written anew`);
  }

  /** What is wanted of the supervisor itself. */
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
   * Where only the fsync of a commit failed, SQLite has taken it back, but its log has it whole: the next supervisor
   * would find what was refused. So something else is written over it, now or when the disk takes it.
   */
  #cover(): void {
    try {
      // There and back, because SQLite writes no page that it is told to leave as it is.
      transaction(this.#db, () =>
        this.#db.exec('UPDATE meta SET seq = seq + 1; UPDATE meta SET seq = seq - 1'),
      );
      this.#hasRefused = false;
    } catch {
      this.#hasRefused = true;
    }
  }

  /**
   * A database that was deleted goes on as if it were there, but ends with this process: what is acknowledged then has to
   * be in the copy at least.
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

  /** A copy that cannot be written must not stay as an old one: the database alone is then what there is. */
  #writeCopy(): void {
    try {
      writeCopy(this.#copyPath, contentOf(this.#db));
      this.#hasCopy = true;
    } catch (error) {
      if (this.#hasCopy) this.#notice(`${(error as Error).message}; the state has no copy until it can be`);
      this.#hasCopy = false;
      // An old one is better than nothing where the database was deleted.
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
    const instead = copy
      ? `Restored from ${this.#copyPath}.`
      : 'There is no usable copy: agents that run are held as they are.';
    this.#notice(`${this.#path} cannot be trusted: ${found.damage}.${kept} ${instead}`);
    return db;
  }

  /** The database as it is, or why it cannot be believed; it is closed again then. */
  #openTrusted(copy: WantedCopy | null): { db: DatabaseSync } | { damage: string } {
    const size = fileSize(this.#path);
    if (size === 0) return { damage: 'it is empty' };
    if (size === null && copy) return { damage: 'it is missing' };
    // Neither is there, but they were: whoever set them aside was cut off before there were new ones, and told nobody.
    const aside = size === null ? (lastAside(this.#path) ?? lastAside(this.#copyPath)) : null;
    if (aside !== null) return { damage: `it is missing since it was set aside as ${aside}` };
    let db: DatabaseSync | undefined;
    try {
      db = openDatabase(this.#path, 'full', SCHEMA);
      // Read in any case: what cannot be read is damaged, whatever SQLite says of its pages.
      const content = contentOf(db);
      // The copy is written after the database: one that is as new but differs shows that the database lost something.
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
