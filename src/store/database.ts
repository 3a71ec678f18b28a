import { DatabaseSync } from 'node:sqlite';
import { FleetError } from '../errors/fleet-error.ts';
import { explainFailure } from '../host/facts/explain.ts';
import { removeFile, setAside } from '../host/files/files.ts';

/** What a commit survives: with `full` a power cut, with `off` only the end of the process. */
export type Durability = 'full' | 'off';

/**
 * Opens a SQLite file in WAL mode, checks it, and migrates it to the newest schema.
 * @param schema the statements from each version to the next, the first from an empty file; none is ever removed, so that
 *   the file of any older fleetd can be opened
 * @throws FleetError for a file of a newer fleetd; SQLite's error for one that is damaged or no database
 */
export function openDatabase(path: string, durability: Durability, schema: readonly string[]): DatabaseSync {
  const db = new DatabaseSync(path);
  try {
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${durability};`);
    const check = db.prepare('PRAGMA quick_check(1)').get() as { quick_check: string };
    if (check.quick_check !== 'ok') throw foundBy(check.quick_check);
    const found = (db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
    if (found > schema.length) {
      throw new FleetError(
        'STATE_UNUSABLE',
        `${path} has version ${found}, but this fleetd supports at most ${schema.length}`,
        {
          hint: 'Run the newer fleetd that wrote it.',
        },
      );
    }
    for (const [i, step] of schema.entries())
      if (i >= found) db.exec(`BEGIN; ${step}; PRAGMA user_version = ${i + 1}; COMMIT;`);
    if (schemaOf(db) !== madeBy(schema)) throw new Error('its schema was altered');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** The result of quick_check as an error, with SQLite's code if the disk could not read a page. */
function foundBy(message: string): Error {
  const errcode = /error code=(\d+)/.exec(message)?.[1];
  return Object.assign(new Error(message), errcode !== undefined && { errcode: Number(errcode) });
}

/**
 * SQLite's primary result codes (sqlite.org/rescode.html) that do not depend on the content of a file: no permission (3, 8,
 * 23), locked by another process (5, 6), no memory (7), a disk that fails (10) or is full (13), cannot be opened (14).
 */
const ENVIRONMENTAL: ReadonlySet<number> = new Set([3, 5, 6, 7, 8, 10, 13, 14, 23]);

/** SQLITE_IOERR_SHORT_READ: the file ends within a page, so it was cut, and the disk is not at fault. */
const SHORT_READ = 522;

/** Whether an error comes from the environment, not from damage: the file may be intact, and is left in place. */
export function isEnvironmental(error: unknown): boolean {
  const { errcode } = error as { errcode?: number };
  return (
    error instanceof FleetError ||
    (errcode !== undefined && errcode !== SHORT_READ && ENVIRONMENTAL.has(errcode & 0xff))
  );
}

/** The tables and indexes, as the statements that created them; quick_check does not check these texts. */
function schemaOf(db: DatabaseSync): string {
  return JSON.stringify(db.prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY name').all());
}

function madeBy(schema: readonly string[]): string {
  const model = new DatabaseSync(':memory:');
  try {
    for (const step of schema) model.exec(step);
    return schemaOf(model);
  } finally {
    model.close();
  }
}

/** Runs `work` in one transaction: all of it takes effect, or nothing. */
export function transaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** The files of one SQLite database. */
export function databaseFiles(path: string): string[] {
  return [path, `${path}-wal`, `${path}-shm`];
}

/**
 * Opens a database whose loss is inconvenient but harmless (readings, events, pids): a damaged one is set aside and
 * replaced by an empty one. A disk error does not count as damage.
 * @returns the database, and a notice if the old one was set aside
 * @throws FleetError if a disk error prevents it from being opened
 */
export function openExpendable(
  path: string,
  schema: readonly string[],
): { db: DatabaseSync; notice: string | null } {
  try {
    return { db: openDatabase(path, 'off', schema), notice: null };
  } catch (error) {
    if (isEnvironmental(error)) throw explainFailure(`cannot open ${path}`, error, path);
    return replaceDamaged(path, schema, error as Error);
  }
}

function replaceDamaged(
  path: string,
  schema: readonly string[],
  damage: Error,
): { db: DatabaseSync; notice: string } {
  try {
    const aside = setAside(databaseFiles(path), new Date());
    for (const file of databaseFiles(path)) removeFile(file);
    const notice = `${path} could not be read (${damage.message}); it is kept as ${aside} and replaced by an empty one`;
    return { db: openDatabase(path, 'off', schema), notice };
  } catch (error) {
    throw explainFailure(`cannot replace ${path}`, error, path);
  }
}
