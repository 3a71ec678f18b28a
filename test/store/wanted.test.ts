import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { SlotRecord, StoredFleet } from '../../src/fleet/records.ts';
import { WantedStore } from '../../src/store/wanted.ts';
import { refusal } from '../specification/refusal.ts';
import { closing, newFleet, overwrite, release, slot, temporary } from './places.ts';

const STORE = fileURLToPath(new URL('../../src/store/wanted.ts', import.meta.url));

/** The files of a store. */
class Files {
  readonly root = temporary();
  readonly db = join(this.root, 'wanted.db');
  readonly copy = join(this.root, 'wanted.json');

  open(): WantedStore {
    return closing(new WantedStore(this.db, this.copy));
  }

  /** What is kept aside of the file. */
  aside(file: string): string[] {
    return readdirSync(this.root).filter((name) => name.startsWith(`${file}.corrupt-`));
  }

  /** Does something to the store, and closes it. */
  with(work: (store: WantedStore) => void): void {
    const store = this.open();
    work(store);
    store.close();
  }
}

/** A store in which a fleet of ten was written, and what it holds. */
function filled(): { files: Files; stored: StoredFleet[] } {
  const files = new Files();
  let stored: StoredFleet[] = [];
  files.with((store) => {
    store.write('f', newFleet(10));
    store.write('f', { slots: [slot(4, { wanted: false }), slot(5, { generation: 3, prepared: true })] });
    stored = store.load();
  });
  return { files, stored };
}

/** Moves the text of a record elsewhere within its page: sound as a database, rubbish as a record. */
function breakRecord({ db }: Files): void {
  overwrite(db, readFileSync(db).indexOf('{"name":"f"'), '#');
}

test('begins empty', () => {
  const store = new Files().open();
  expect(store.load()).toEqual([]);
  expect(store.notices).toEqual([]);
});

test('finds again what was written', () => {
  const { files, stored } = filled();
  const { record: fleet } = newFleet(10);
  const slots: SlotRecord[] = Array.from({ length: 10 }, (_, number) => slot(number));
  slots[4] = slot(4, { wanted: false });
  slots[5] = slot(5, { generation: 3, prepared: true });
  expect(stored).toEqual([{ fleet, slots, releases: [release('r1')] }]);
  const store = files.open();
  expect(store.load()).toEqual(stored);
  expect(store.notices).toEqual([]);
});

test('keeps fleets apart, and forgets one without the others', () => {
  const { files, stored } = filled();
  files.with((store) => {
    store.write('g', newFleet(3, 'g'));
    store.remove('f');
  });
  const store = files.open();
  expect(
    store.load().map(({ fleet, slots, releases }) => [fleet.name, slots.length, releases.length]),
  ).toEqual([['g', 3, 1]]);
  store.write('f', { record: stored[0]!.fleet });
  expect(store.load()[0]!.slots).toEqual([]);
});

test('has what was written on disk before the process ends, in the database and in the copy', () => {
  const files = new Files();
  const script = `
    const { WantedStore } = await import(process.argv[1]);
    const store = new WantedStore(process.argv[2], process.argv[3]);
    store.write('f', JSON.parse(process.argv[4]));
    process.kill(process.pid, 'SIGKILL');`;
  const argv = ['--input-type=module', '-e', script, STORE, files.db, files.copy];
  expect(() =>
    execFileSync(process.execPath, [...argv, JSON.stringify(newFleet(10))], { stdio: 'ignore' }),
  ).toThrow();
  const inCopy = readFileSync(files.copy, 'utf8');
  const store = files.open();
  expect(store.notices).toEqual([]);
  expect(store.load()[0]!.slots).toHaveLength(10);
  expect(inCopy).toContain('"slot":9');
});

const DAMAGES: [string, (files: Files) => void][] = [
  ['truncated to nothing', ({ db }) => truncateSync(db, 0)],
  ['overwritten with rubbish', ({ db }) => writeFileSync(db, Buffer.alloc(20_000, 'rubbish'))],
  ['overwritten with rubbish at its begin', ({ db }) => overwrite(db, 0, Buffer.alloc(100, 0xaa))],
  ['cut in the middle', ({ db }) => truncateSync(db, Math.floor(readFileSync(db).length / 2))],
  // Almost a page: the last bytes of one may be unused, and then nothing is lost with them.
  ['cut within its last page', ({ db }) => truncateSync(db, readFileSync(db).length - 4000)],
  ['overwritten with zeros in a page', ({ db }) => overwrite(db, 4096, Buffer.alloc(4096))],
  ['changed in a record', breakRecord],
  [
    'replaced by another database',
    ({ db }) => {
      rmSync(db);
      const other = new DatabaseSync(db);
      other.exec('PRAGMA journal_mode = WAL; CREATE TABLE other (a); PRAGMA user_version = 1');
      other.close();
    },
  ],
];

test.each(DAMAGES)('restores from the copy where the database is %s, and keeps that aside', (_, damage) => {
  const { files, stored } = filled();
  damage(files);
  const damaged = readFileSync(files.db);
  const store = files.open();
  expect(store.load()).toEqual(stored);
  const [aside] = files.aside('wanted.db');
  expect(store.notices).toEqual([expect.stringContaining(join(files.root, aside!))]);
  expect(store.notices[0]).toContain(`Restored from ${files.copy}`);
  expect(readFileSync(join(files.root, aside!)).equals(damaged)).toBe(true);
  // What was restored is a whole store: it takes changes, and the next supervisor finds nothing wrong with it.
  store.write('f', { slots: [slot(10)] });
  store.close();
  const next = files.open();
  expect(next.notices).toEqual([]);
  expect(next.load()[0]!.slots).toHaveLength(11);
});

test('restores from the copy where the database is missing, and says so', () => {
  const { files, stored } = filled();
  rmSync(files.db);
  const store = files.open();
  expect(store.load()).toEqual(stored);
  expect(store.notices).toEqual([expect.stringMatching(/it is missing.*Restored from/)]);
});

test('restores from the copy where the database has lost the latest changes', () => {
  const files = new Files();
  files.with((store) => store.write('f', newFleet(10)));
  const older = readFileSync(files.db);
  files.with((store) => store.write('f', { slots: [slot(10)] }));
  writeFileSync(files.db, older);
  const store = files.open();
  expect(store.load()[0]!.slots).toHaveLength(11);
  expect(store.notices).toEqual([expect.stringContaining('older than its copy')]);
});

test('does not let go of a damaged database with its files still open', () => {
  // SQLite removes PATH-wal by name when the last user of a file closes it: by then that may be another's.
  const { files } = filled();
  breakRecord(files);
  files.open();
  const open = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // That of the listing itself.
    }
  });
  expect(open.filter((path) => path.startsWith(files.root) && path.includes('.corrupt-'))).toEqual([]);
});

test('trusts the database over a copy that is older', () => {
  const { files } = filled();
  const older = readFileSync(files.copy);
  files.with((store) => store.write('f', { slots: [slot(10)] }));
  // Killed between the commit and the copy.
  writeFileSync(files.copy, older);
  const store = files.open();
  expect(store.load()[0]!.slots).toHaveLength(11);
  expect(store.notices).toEqual([]);
});

test('notes prepared slots without a new copy, and trusts them afterwards', () => {
  const { files } = filled();
  files.with((store) => store.write('f', { prepared: [0, 1] }));
  const store = files.open();
  expect(
    store
      .load()[0]!
      .slots.filter(({ prepared }) => prepared)
      .map((each) => each.slot),
  ).toEqual([0, 1, 5]);
  expect(store.notices).toEqual([]);
});

test.each<[string, (copy: string) => void]>([
  ['changed', (copy) => overwrite(copy, 200, '####')],
  ['empty', (copy) => writeFileSync(copy, '')],
])(
  'goes on with the database where the copy is %s, names it, keeps it aside and writes it anew',
  (_, damage) => {
    const { files, stored } = filled();
    damage(files.copy);
    const store = files.open();
    expect(store.load()).toEqual(stored);
    expect(store.notices).toEqual([expect.stringContaining(files.copy)]);
    const aside = files.aside('wanted.json');
    expect(aside).toHaveLength(1);
    expect(store.notices[0]).toContain(aside[0]);
    store.close();
    rmSync(files.db);
    expect(files.open().load()).toEqual(stored);
  },
);

test('writes a missing copy anew', () => {
  const { files, stored } = filled();
  rmSync(files.copy);
  files.with((store) => expect(store.notices).toEqual([]));
  rmSync(files.db);
  expect(files.open().load()).toEqual(stored);
});

test('with both damaged begins empty, says so, and keeps both', () => {
  const { files } = filled();
  truncateSync(files.db, 5_000);
  overwrite(files.copy, 200, '####');
  const damagedCopy = readFileSync(files.copy);
  const store = files.open();
  expect(store.load()).toEqual([]);
  expect(store.notices.join('\n')).toMatch(/no usable copy, so the running agents are held as they are/);
  expect(files.aside('wanted.db')).toHaveLength(1);
  const [aside] = files.aside('wanted.json');
  expect(readFileSync(join(files.root, aside!)).equals(damagedCopy)).toBe(true);
});

test.each<[string, (files: Files) => void]>([
  ['cut', ({ db }) => truncateSync(db, 5_000)],
  // Opening such a file meets with no error: only the check of the whole of it does.
  ['overwritten in a page', ({ db }) => overwrite(db, 4096, Buffer.alloc(4096))],
])('with the database %s and no copy begins empty, says so, and keeps it', (_, damage) => {
  const { files } = filled();
  damage(files);
  rmSync(files.copy);
  const store = files.open();
  expect(store.load()).toEqual([]);
  expect(store.notices).toEqual([expect.stringContaining('no usable copy')]);
  expect(files.aside('wanted.db')).toHaveLength(1);
});

test('keeps every damaged file aside, also of two within a second', () => {
  const { files, stored } = filled();
  for (let i = 0; i < 2; i++) {
    truncateSync(files.db, 5_000 + i);
    files.with((store) => expect(store.load()).toEqual(stored));
  }
  expect(files.aside('wanted.db')).toHaveLength(2);
});

test('refuses the database of a newer fleetd, and leaves it where it is', () => {
  const { files } = filled();
  const db = new DatabaseSync(files.db);
  db.exec('PRAGMA user_version = 99');
  db.close();
  expect(refusal(() => files.open())).toMatch(/^STATE_UNUSABLE .*version 99/);
  expect(files.aside('wanted.db')).toEqual([]);
});

test('refuses files that it cannot open, and leaves them where they are', () => {
  const files = new Files();
  mkdirSync(files.db);
  expect(refusal(() => files.open())).toContain(`STATE_UNUSABLE cannot open ${files.db}`);
  expect(existsSync(files.db)).toBe(true);
});

test('changes nothing where a write fails, not even a part', () => {
  const { files, stored } = filled();
  const store = files.open();
  const copy = readFileSync(files.copy);
  const { record: fleet } = newFleet(1, 'g');
  const broken = slot(2, { release: null as unknown as string });
  expect(refusal(() => store.write('g', { record: fleet, slots: [slot(1), broken] }))).toContain(
    'STATE_UNUSABLE',
  );
  expect(store.load()).toEqual(stored);
  expect(readFileSync(files.copy).equals(copy)).toBe(true);
  store.write('f', { slots: [slot(10)] });
  expect(store.load()[0]!.slots).toHaveLength(11);
});

test('changes nothing where the disk takes no more, and goes on when it does', () => {
  // A limit of the file size stands for the full disk: a part is written, then the write fails.
  const { files, stored } = filled();
  const script = `
    const { WantedStore } = await import(process.argv[1]);
    const store = new WantedStore(process.argv[2], process.argv[3]);
    const before = JSON.stringify(store.load());
    const slots = Array.from({ length: 20000 }, (_, slot) =>
      ({ slot, wanted: true, release: 'r2', generation: 9, prepared: true }));
    let code = 'written';
    try { store.write('f', { slots }); } catch (error) { code = error.code; }
    const kept = JSON.stringify(store.load()) === before;
    store.write('f', { slots: [{ ...slots[10], release: 'r1' }] });
    console.log(code, kept);
    process.kill(process.pid, 'SIGKILL');`;
  const argv = [
    '-c',
    'ulimit -f 200; "$@"; true',
    'sh',
    process.execPath,
    '--input-type=module',
    '-e',
    script,
  ];
  const options: ExecFileSyncOptionsWithStringEncoding = {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  };
  expect(execFileSync('sh', [...argv, STORE, files.db, files.copy], options)).toMatch(
    /^(STATE_UNUSABLE|LIMIT_REACHED) true\n$/,
  );
  const store = files.open();
  expect(store.notices).toEqual([]);
  expect(store.load()[0]!.slots).toHaveLength(stored[0]!.slots.length + 1);
});

test('reports a change as made, and says that there is no copy, where only the copy cannot be written', () => {
  const { files } = filled();
  const store = files.open();
  // The temporary file beside the copy is in the way, as a directory.
  mkdirSync(`${files.copy}.new`);
  store.write('f', { slots: [slot(10)] });
  expect(store.notices).toEqual([expect.stringContaining(`cannot write ${files.copy}`)]);
  expect(store.load()[0]!.slots).toHaveLength(11);
  // An old copy would be taken for the truth if the database were lost.
  expect(existsSync(files.copy)).toBe(false);
});

test('reports a change as made where the copy can neither be written nor removed', () => {
  const { files } = filled();
  const store = files.open();
  renameSync(files.copy, `${files.copy}.old`);
  mkdirSync(join(files.copy, 'in-the-way'), { recursive: true });
  store.write('f', { slots: [slot(10)] });
  expect(store.load()[0]!.slots).toHaveLength(11);
});

test('tells of a state that was set aside by somebody who was cut off before there was a new one', () => {
  const { files } = filled();
  truncateSync(files.db, 100);
  truncateSync(files.copy, 100);
  // What the cut left: both are aside, and neither is there.
  renameSync(files.db, `${files.db}.corrupt-20260101T000000000Z`);
  renameSync(files.copy, `${files.copy}.corrupt-20260101T000000000Z`);
  const store = files.open();
  expect(store.load()).toEqual([]);
  expect(store.notices).toEqual([
    expect.stringContaining(
      `it has been missing since it was set aside as ${files.db}.corrupt-20260101T000000000Z`,
    ),
  ]);
});

test.each(['record', 'slot'])('believes no altered %s where the copy lacks the last marks', (what) => {
  const { files } = filled();
  files.with((store) => store.write('f', { prepared: [1, 2] }));
  const stored = files.open().load();
  if (what === 'record') breakRecord(files);
  else {
    const db = new DatabaseSync(files.db);
    db.exec('UPDATE slots SET wanted = 0 WHERE slot = 7');
    db.close();
  }
  const store = files.open();
  expect(store.load()[0]!.slots.map(({ wanted }) => wanted)).toEqual(
    stored[0]!.slots.map(({ wanted }) => wanted),
  );
  expect(store.notices).toEqual([expect.stringContaining('cannot be trusted')]);
});

test('a copy that is missing is written anew, and that is told; one that is there is left alone', () => {
  const files = new Files();
  files.with((store) => {
    store.write('f', newFleet(1));
    const written = readFileSync(files.copy, 'utf8');
    store.keepCopy();
    expect(store.notices).toEqual([]);
    rmSync(files.copy);
    store.keepCopy();
    expect(store.notices).toEqual([
      expect.stringMatching(/wanted\.json was missing and has been written again/),
    ]);
    expect(readFileSync(files.copy, 'utf8')).toBe(written);
  });
});

test('what is acknowledged after the database was deleted is in the copy, or it is refused', () => {
  const files = new Files();
  files.with((store) => {
    store.write('f', newFleet(3));
    for (const suffix of ['', '-wal', '-shm']) rmSync(files.db + suffix);
    store.write('f', { slots: [slot(3)] });
    const copy = readFileSync(files.copy, 'utf8');
    mkdirSync(`${files.copy}.new`);
    expect(refusal(() => store.write('f', { slots: [slot(4)] }))).toMatch(/its copy cannot be written/);
    expect(readFileSync(files.copy, 'utf8')).toBe(copy);
    rmSync(files.root, { recursive: true });
    expect(refusal(() => store.write('f', { slots: [slot(4)] }))).toMatch(
      /^STATE_UNUSABLE .*wanted\.db was deleted, and its copy cannot be written/,
    );
    mkdirSync(files.root);
    store.write('f', { slots: [slot(4)] });
  });
  const [fleet] = files.open().load();
  expect(fleet!.slots.map(({ slot: number }) => number)).toEqual([0, 1, 2, 3, 4]);
});
