import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { LastExit } from '../fleet/exit.ts';
import type { GivenUp, RunRecord } from '../fleet/records.ts';
import { onDisk } from '../host/facts/explain.ts';
import { MarkFile } from '../host/state/mark-file.ts';
import { openExpendable, transaction } from './database.ts';

const SCHEMA = [
  `
  CREATE TABLE boot (id TEXT NOT NULL) STRICT;
  CREATE TABLE runs (
    fleet TEXT, slot INTEGER, pid INTEGER, start_ticks INTEGER, started_at TEXT, release TEXT, generation INTEGER, ready_at REAL,
    restarts INTEGER NOT NULL, failures INTEGER NOT NULL, last_exit TEXT, given_up TEXT, PRIMARY KEY (fleet, slot)
  ) STRICT, WITHOUT ROWID`,
  `
  ALTER TABLE runs ADD COLUMN attempts TEXT NOT NULL DEFAULT '[]';
  ALTER TABLE runs ADD COLUMN moved TEXT`,
  `
  CREATE TABLE outputs (
    fleet TEXT, slot INTEGER, begins TEXT NOT NULL, marks TEXT NOT NULL, PRIMARY KEY (fleet, slot)
  ) STRICT, WITHOUT ROWID`,
];

/** What is known of a slot's output; positions count from the beginning of its logs' files. */
export interface OutputRecord {
  /** Where the output of the latest start begins, in each of its logs. */
  begins: readonly [stdout: number, stderr: number];
  /** When it was written, as Timeline has it. */
  marks: string;
}

/** When a record must be written: at the end of the turn, or with the events, within a tenth of a second. */
export type Urgency = 'now' | 'soon';

/**
 * The process in each slot, on tmpfs and without fsync, because it only needs to survive the supervisor. Writes are
 * collected and flushed once per turn of the loop.
 */
export class RunStore {
  readonly #db: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;
  readonly #insertOutput: StatementSync;
  readonly #deleteOutput: StatementSync;
  readonly #dirty = new Map<string, { fleet: string; slot: number; record: RunRecord | null }>();
  readonly #outputs = new Map<string, { fleet: string; slot: number; record: () => OutputRecord }>();
  #isUrgent = false;
  readonly #behind: MarkFile;
  readonly notice: string | null;
  /** Whether an earlier supervisor could not write everything: processes may exist that no record names. */
  readonly wasBehind: boolean;

  /** @param bootId records of another boot are dropped */
  constructor(path: string, bootId: string) {
    const { db, notice } = openExpendable(path, SCHEMA);
    this.#db = db;
    this.notice = notice;
    this.#behind = new MarkFile(`${path}-behind`);
    this.wasBehind = this.#behind.isSet;
    onDisk('write', path, () => dropOtherBoots(db, bootId));
    this.#insert = db.prepare(
      'INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    );
    this.#delete = db.prepare('DELETE FROM runs WHERE fleet = ? AND slot = ?');
    this.#insertOutput = db.prepare('INSERT OR REPLACE INTO outputs VALUES (?, ?, ?, ?)');
    this.#deleteOutput = db.prepare('DELETE FROM outputs WHERE fleet = ? AND slot = ?');
  }

  /** The records of a fleet. */
  load(fleet: string): RunRecord[] {
    return this.#db
      .prepare('SELECT * FROM runs WHERE fleet = ?')
      .all(fleet)
      .map((row) => ({
        slot: Number(row.slot),
        process:
          row.pid === null
            ? null
            : {
                pid: Number(row.pid),
                startTicks: Number(row.start_ticks),
                startedIso: String(row.started_at),
                release: String(row.release),
                generation: Number(row.generation),
                ...(row.moved !== null && { moved: String(row.moved) }),
              },
        readyAt: row.ready_at === null ? null : Number(row.ready_at),
        restarts: Number(row.restarts),
        failures: Number(row.failures),
        lastExit: fromJson<LastExit>(row.last_exit, isExit),
        givenUp: givenUpOf(fromJson<GivenUp>(row.given_up, isGivenUp)),
        attempts: timesIn(row.attempts),
      }));
  }

  /**
   * Notes the new record of a slot; null forgets the slot.
   * @param urgency `soon`: the next supervisor can do without it, so it is written with others
   */
  set(fleet: string, slot: number, record: RunRecord | null, urgency: Urgency = 'now'): void {
    this.#dirty.set(`${fleet}/${slot}`, { fleet, slot, record });
    this.#isUrgent ||= urgency === 'now';
  }

  /** What is known of the output of a fleet's slots. */
  outputs(fleet: string): Map<number, OutputRecord> {
    const rows = this.#db.prepare('SELECT slot, begins, marks FROM outputs WHERE fleet = ?').all(fleet);
    return new Map(
      rows.map(({ slot, begins, marks }) => {
        const [stdout = 0, stderr = 0] = String(begins).split(' ').map(Number);
        return [Number(slot), { begins: [stdout, stderr], marks: String(marks) }];
      }),
    );
  }

  /**
   * Notes what is known of a slot's output. The next supervisor can do without it, so it is written with others.
   * @param record gives what is known when that is written
   */
  setOutput(fleet: string, slot: number, record: () => OutputRecord): void {
    this.#outputs.set(`${fleet}/${slot}`, { fleet, slot, record });
  }

  /**
   * Writes the noted records.
   * @param urgency `now`: only if one of them is urgent
   * @throws if the file cannot be written; they stay noted then
   */
  flush(urgency: Urgency = 'soon'): void {
    if (this.#dirty.size + this.#outputs.size === 0 || (urgency === 'now' && !this.#isUrgent)) return;
    try {
      transaction(this.#db, () => {
        for (const { fleet, slot, record } of this.#outputs.values()) {
          const { begins, marks } = record();
          this.#insertOutput.run(fleet, slot, begins.join(' '), marks);
        }
        for (const { fleet, slot, record } of this.#dirty.values()) this.#write(fleet, slot, record);
      });
    } catch (error) {
      this.#behind.set(true);
      throw error;
    }
    this.#behind.set(false);
    this.#isUrgent = false;
    this.#dirty.clear();
    this.#outputs.clear();
  }

  close(): void {
    this.#db.close();
    this.#behind.close();
  }

  #write(fleet: string, slot: number, record: RunRecord | null): void {
    if (record === null) {
      this.#delete.run(fleet, slot);
      this.#deleteOutput.run(fleet, slot);
      return;
    }
    const { process, readyAt, restarts, failures, lastExit, givenUp, attempts } = record;
    this.#insert.run(
      fleet,
      slot,
      process?.pid ?? null,
      process?.startTicks ?? null,
      process?.startedIso ?? null,
      process?.release ?? null,
      process?.generation ?? null,
      readyAt,
      restarts,
      failures,
      lastExit && JSON.stringify(lastExit),
      givenUp && JSON.stringify(givenUp),
      JSON.stringify(attempts),
      process?.moved ?? null,
    );
  }
}

function dropOtherBoots(db: DatabaseSync, bootId: string): void {
  const known = db.prepare('SELECT id FROM boot').get() as { id: string } | undefined;
  if (known?.id === bootId) return;
  db.exec('DELETE FROM boot; DELETE FROM runs; DELETE FROM outputs');
  db.prepare('INSERT INTO boot VALUES (?)').run(bootId);
}

/** Parses a part of a slot's past; null if it is invalid, because that must not keep a supervisor from starting. */
function fromJson<T extends object>(
  text: unknown,
  isSound: (past: Partial<Record<keyof T, unknown>>) => boolean,
): T | null {
  try {
    const past: unknown = JSON.parse(String(text));
    return typeof past === 'object' && past !== null && isSound(past) ? (past as T) : null;
  } catch {
    return null;
  }
}

function isExit({ code, signal, reason, at }: Partial<Record<keyof LastExit, unknown>>): boolean {
  const isHow = (code === null || Number.isInteger(code)) && (signal === null || typeof signal === 'string');
  return isHow && typeof reason === 'string' && typeof at === 'string';
}

/** An older fleetd knew no other end than a failure. */
function givenUpOf(stored: GivenUp | null): GivenUp | null {
  return stored && { ...stored, state: stored.state ?? 'failed' };
}

function isGivenUp({ state, reason, generation }: Partial<Record<keyof GivenUp, unknown>>): boolean {
  const isState = state === undefined || state === 'failed' || state === 'completed';
  return isState && typeof reason === 'string' && Number.isInteger(generation);
}

/** Times of a slot's past; none if they are invalid. */
function timesIn(text: unknown): number[] {
  const times = fromJson<unknown[]>(text, (list) => Array.isArray(list)) ?? [];
  return times.filter((time) => typeof time === 'number');
}
