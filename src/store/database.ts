import { DatabaseSync } from 'node:sqlite';
import { FleetError } from '../errors/fleet-error.ts';
import { removeFile, setAside } from '../host/files/files.ts';
import { explainFailure } from '../host/limits.ts';

/** How a database file is kept: `full` survives a power cut, `off` only the end of the process. */
export type Durability = 'full' | 'off';

/**
 * Opens a SQLite file in WAL mode, checks it, and brings it to the newest schema.
 * @param schema statements that lead from each version to the next, the first from an empty file; all are kept for ever,
 *   so that a file of any older fleetd can be opened
 * @throws FleetError for a file of a newer fleetd, else whatever SQLite says of one that is damaged or no database
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
        `${path} has version ${found}, and this fleetd knows ${schema.length}`,
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

/** What quick_check says as an error; a page that the disk did not give is one of the disk. */
function foundBy(words: string): Error {
  const errcode = /error code=(\d+)/.exec(words)?.[1];
  return Object.assign(new Error(words), errcode !== undefined && { errcode: Number(errcode) });
}

/**
 * SQLite's primary result codes (sqlite.org/rescode.html) that say nothing of what is in a file: no right to it (3, 8, 23),
 * somebody else has it (5, 6), no memory (7), the disk fails (10) or is full (13), it cannot be opened (14).
 */
const ENVIRONMENTAL: ReadonlySet<number> = new Set([3, 5, 6, 7, 8, 10, 13, 14, 23]);

/** Whether an error tells of surroundings, and not of damage: the file may be sound, and is left where it is. */
export function isEnvironmental(error: unknown): boolean {
  const { errcode } = error as { errcode?: number };
  return error instanceof FleetError || (errcode !== undefined && ENVIRONMENTAL.has(errcode & 0xff));
}

/** The tables and indexes, as the statements that made them; quick_check does not look at their texts. */
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

/** Runs `work` in one transaction: all of it is there afterwards, or nothing. */
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

/** The files that one SQLite database is made of. */
export function databaseFiles(path: string): string[] {
  return [path, `${path}-wal`, `${path}-shm`];
}

/**
 * Opens a database whose loss costs comfort and not truth (samples, events, pids): a damaged one is set aside and
 * begun anew. A disk that does not give it is no damage.
 * @returns the database, and what happened to the old one
 * @throws FleetError where the disk does not let it be opened
 */
export function openExpendable(
  path: string,
  schema: readonly string[],
): { db: DatabaseSync; notice: string | null } {
  try {
    return { db: openDatabase(path, 'off', schema), notice: null };
  } catch (error) {
    if (isEnvironmental(error)) throw explainFailure(`cannot open ${path}`, error, path);
    return beginAnew(path, schema, error as Error);
  }
}

function beginAnew(
  path: string,
  schema: readonly string[],
  damage: Error,
): { db: DatabaseSync; notice: string } {
  try {
    const aside = setAside(databaseFiles(path), new Date());
    for (const file of databaseFiles(path)) removeFile(file);
    const notice = `${path} could not be read (${damage.message}); kept as ${aside}, begun anew`;
    return { db: openDatabase(path, 'off', schema), notice };
  } catch (error) {
    throw explainFailure(`cannot begin ${path} anew`, error, path);
  }
}
