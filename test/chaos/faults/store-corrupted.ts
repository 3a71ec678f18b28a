import { closeSync, existsSync, openSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Arena } from '../arena.ts';
import type { Fault } from '../fault.ts';
import { tellOf } from '../told.ts';

/** The files whose damage is to be told and to cost nothing that counts. */
const FILES = ['fleetd.db', 'wanted.json', 'events.db', 'samples.db', 'run.db'] as const;

/** Truncates or overwrites one of the supervisor's files while it is down. */
export const storeCorrupted: Fault = {
  name: 'store: a file corrupted while the supervisor is down',
  mayCome: (arena) => arena.canRestore(),
  inject: async (arena) => {
    await arena.revive();
    const name = arena.choose(FILES);
    const path = join(name === 'run.db' ? arena.world.runtimeDir : arena.world.stateDir, name);
    await arena.events();
    await arena.killSupervisor();
    checkpoint(path);
    if (arena.random() < 0.5) truncateSync(path, Math.floor(statSync(path).size / 2));
    else overwrite(path, arena);
    await arena.revive();
    return {
      slots: [],
      isTold: (events) =>
        tellOf(
          events,
          'supervisor',
          new RegExp(`${name.replace('.', '\\.')} (cannot be trusted|does not match|could not be read)`),
        ),
    };
  },
};

/** Overwrites the beginning, which every reader looks at, and some bytes anywhere. */
function overwrite(path: string, arena: Arena): void {
  const fd = openSync(path, 'r+');
  const { size } = statSync(path);
  for (const at of [0, arena.number(0, size - 1)]) writeSync(fd, Buffer.alloc(64, '?'), 0, 64, at);
  closeSync(fd);
}

/** Moves what is in the write-ahead log into the database: else damage to that would hit nothing that counts. */
function checkpoint(path: string): void {
  if (!path.endsWith('.db') || !existsSync(`${path}-wal`)) return;
  const db = new DatabaseSync(path);
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
}
