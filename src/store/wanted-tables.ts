import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { Change } from '../fleet/change.ts';
import type { FleetRecord, ReleaseRecord, SlotRecord, StoredFleet } from '../fleet/records.ts';
import type { WantedCopy } from './copy.ts';
import { transaction } from './database.ts';
import type { Settings } from './settings.ts';

/** The tables of the wanted state; each further entry is the change of a later version. */
export const SCHEMA = [
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
  `
  ALTER TABLE slots ADD COLUMN completed INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE slots ADD COLUMN urgent INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE slots ADD COLUMN purge INTEGER NOT NULL DEFAULT 0`,
];

/** The columns of a slot except its fleet, named as in its record, with their types. */
const SLOT_COLUMNS: { readonly [K in keyof SlotRecord]: 'number' | 'text' | 'boolean' } = {
  slot: 'number',
  wanted: 'boolean',
  release: 'text',
  generation: 'number',
  prepared: 'boolean',
  completed: 'boolean',
  urgent: 'boolean',
  purge: 'boolean',
};
const COLUMNS = Object.keys(SLOT_COLUMNS) as (keyof SlotRecord)[];

/** The durable part of a change, which is written completely or not at all. */
export type StoredChange = Pick<
  Change,
  'record' | 'release' | 'slots' | 'forgotten' | 'prepared' | 'completed'
>;

function readSeq(db: DatabaseSync): number {
  return (db.prepare('SELECT seq FROM meta').get() as { seq: number }).seq;
}

/** The settings of the supervisor. */
export function loadSettings(db: DatabaseSync): Settings {
  const { settings } = db.prepare('SELECT settings FROM meta').get() as { settings: string };
  return JSON.parse(settings) as Settings;
}

/** The whole content of the database, in the form of the copy. */
export function contentOf(db: DatabaseSync): WantedCopy {
  return { seq: readSeq(db), fleets: loadAll(db), settings: loadSettings(db) };
}

/** The content that must be equal in database and copy, as text: everything except the marks, which the copy may lack. */
export function withoutMarks({ seq, fleets, settings }: WantedCopy): string {
  const unmarked = fleets.map((one) => ({
    ...one,
    slots: one.slots.map((slot) => ({ ...slot, prepared: false, completed: false })),
  }));
  return JSON.stringify({ seq, fleets: unmarked, settings });
}

/** Fills an empty database with the content of a copy. */
export function restore(db: DatabaseSync, { seq, fleets, settings }: WantedCopy): void {
  transaction(db, () => {
    for (const { fleet, releases, slots } of fleets) {
      writeChange(db, fleet.name, { record: fleet, slots });
      for (const release of releases) writeChange(db, fleet.name, { release });
    }
    db.prepare('UPDATE meta SET seq = ?, settings = ?').run(seq, JSON.stringify(settings));
  });
}

/** Writes the durable part of a change; must be called within a transaction. */
export function writeChange(
  db: DatabaseSync,
  name: string,
  { record, release, slots = [], forgotten = [], prepared = [], completed = [] }: StoredChange,
): void {
  if (record) {
    db.prepare('INSERT OR REPLACE INTO fleets VALUES (?, ?)').run(name, JSON.stringify(record));
  }
  if (release) {
    const row = [name, release.id, JSON.stringify(release)] as const;
    db.prepare('INSERT OR REPLACE INTO releases VALUES (?, ?, ?)').run(...row);
  }
  const forget = db.prepare('DELETE FROM releases WHERE fleet = ? AND id = ?');
  for (const id of forgotten) forget.run(name, id);
  const insert = db.prepare(
    `INSERT OR REPLACE INTO slots (fleet, ${COLUMNS.join(', ')}) VALUES (?, ${COLUMNS.map(() => '?').join(', ')})`,
  );
  for (const slot of slots) insert.run(name, ...COLUMNS.map((column) => toSql(slot[column])));
  const mark = db.prepare('UPDATE slots SET prepared = 1 WHERE fleet = ? AND slot = ?');
  for (const slot of prepared) mark.run(name, slot);
  const complete = db.prepare('UPDATE slots SET completed = 1 WHERE fleet = ? AND slot = ?');
  for (const slot of completed) complete.run(name, slot);
}

/** Every fleet with its slots and releases, in the order of their names. */
export function loadAll(db: DatabaseSync): StoredFleet[] {
  const fleets = db.prepare('SELECT record FROM fleets ORDER BY name').all() as { record: string }[];
  const slots = db.prepare(`SELECT ${COLUMNS.join(', ')} FROM slots WHERE fleet = ? ORDER BY slot`);
  const releases = db.prepare('SELECT record FROM releases WHERE fleet = ? ORDER BY id');
  return fleets.map((row) => {
    const fleet = JSON.parse(row.record) as FleetRecord;
    return {
      fleet,
      slots: slots.all(fleet.name).map(slotOf),
      releases: releases
        .all(fleet.name)
        .map((release) => JSON.parse(String(release.record)) as ReleaseRecord),
    };
  });
}

/** @param value undefined in the copy of an older fleetd, which lacks the column */
function toSql(value: string | number | boolean = false): string | number {
  return typeof value === 'boolean' ? Number(value) : value;
}

function slotOf(row: Record<string, SQLOutputValue>): SlotRecord {
  const values = COLUMNS.map((column) => {
    const value = row[column];
    const kind = SLOT_COLUMNS[column];
    return [column, kind === 'boolean' ? value === 1 : kind === 'text' ? String(value) : Number(value)];
  });
  return Object.fromEntries(values) as SlotRecord;
}
