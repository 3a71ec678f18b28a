import { closeSync, globSync, openSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AgentRow } from '../../src/api/agents.ts';
import { expectOneProcessEach } from '../long/crashes.ts';
import { isRunning, until, World } from './harness.ts';

const COUNT = 8;
const SPEC = [
  '--name',
  'web',
  '--parallel',
  '100',
  '--round-delay',
  '0',
  '--ready',
  'after:10ms',
  '--',
  'sleep',
  '1000',
];

let world: World;
let before: AgentRow[];
beforeEach(async () => {
  world = new World();
  await world.ok('spawn', String(COUNT), ...SPEC);
  await world.ok('kill', '--slots', '3');
  before = await world.ps();
  await world.killSupervisor();
  checkpoint();
});
afterEach(() => world.dispose());

const file = (name: string) => join(world.stateDir, name);
function remove(...names: string[]): void {
  for (const name of names) rmSync(file(name), { force: true });
}
const truncate = (name: string) => truncateSync(file(name), Math.floor(statSync(file(name)).size / 2));

/** Overwrites the middle of a file, and its beginning. */
function spoil(name: string): void {
  const fd = openSync(file(name), 'r+');
  const { size } = statSync(file(name));
  for (const at of [0, Math.floor(size / 2)]) writeSync(fd, Buffer.alloc(512, '?'), 0, 512, at);
  closeSync(fd);
}

/** Moves what is in the write-ahead log into the database itself: else damage to that would hit nothing that counts. */
function checkpoint(): void {
  const db = new DatabaseSync(file('fleetd.db'));
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
}

/** Takes the last commit back, as when the write-ahead log was lost. */
function older(): void {
  const db = new DatabaseSync(file('fleetd.db'));
  db.exec('UPDATE slots SET wanted = 1 WHERE slot = 3; UPDATE meta SET seq = seq - 1');
  db.close();
}

const pidsOf = (agents: AgentRow[]) => agents.map(({ slot, pid }) => [slot, pid]);

async function told(): Promise<string> {
  return (await world.events())
    .filter(({ type }) => type === 'supervisor' || type === 'hold')
    .map(({ reason }) => reason)
    .join('\n');
}

describe('a wanted state with one sound half is restored from it, and that is told', () => {
  test.each<[string, () => void, RegExp]>([
    ['a truncated database', () => truncate('fleetd.db'), /fleetd\.db cannot be trusted.*kept as .*Restored/],
    ['rubbish in the database', () => spoil('fleetd.db'), /fleetd\.db cannot be trusted.*kept as .*Restored/],
    ['an empty database', () => truncateSync(file('fleetd.db')), /fleetd\.db cannot be trusted.*Restored/],
    ['an older database', older, /fleetd\.db cannot be trusted.*Restored/],
    [
      'no database',
      () => remove('fleetd.db', 'fleetd.db-wal', 'fleetd.db-shm'),
      /fleetd\.db cannot be trusted.*Restored/,
    ],
    ['rubbish in the copy', () => spoil('wanted.json'), /wanted\.json does not match its checksum/],
    ['a truncated copy', () => truncate('wanted.json'), /wanted\.json does not match its checksum/],
  ])('%s', async (_what, damage, message) => {
    damage();
    await world.ok('spawn');
    expect(await told()).toMatch(message);
    expect(pidsOf(await world.ps())).toEqual(pidsOf(before));
    expect((await world.fleet()).target).toBe(COUNT - 1);
    await expectOneProcessEach(world, await world.ps());
    await world.ok('spawn', String(COUNT));
    expect((await world.ps()).map(({ slot }) => slot)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});

test('needs no copy where the database is sound', async () => {
  remove('wanted.json');
  await world.ok('spawn');
  expect(pidsOf(await world.ps())).toEqual(pidsOf(before));
});

describe('without any sound half, agents are held as they are', () => {
  test.each<[string, () => void]>([
    ['both gone', () => remove('fleetd.db', 'fleetd.db-wal', 'fleetd.db-shm', 'wanted.json')],
    ['both spoiled', () => ['fleetd.db', 'wanted.json'].forEach(spoil)],
    [
      'both gone, and the notes of pids',
      () => {
        remove('fleetd.db', 'fleetd.db-wal', 'fleetd.db-shm', 'wanted.json');
        for (const path of globSync(join(world.runtimeDir, 'run.db*'))) rmSync(path);
      },
    ],
  ])('%s', async (_what, damage) => {
    damage();
    const held = await world.fleetctl('spawn');
    expect(held.code, held.stderr).not.toBe(0);
    expect(held.stderr).toMatch(/spec.* lost/);
    const fleet = await world.fleet('web');
    expect(fleet).toMatchObject({ target: COUNT - 1, running: COUNT - 1 });
    expect(fleet.held?.reason).toMatch(/wanted state was lost; slots 0-2,4-7 run and are held as they are/);
    expect(pidsOf(await world.ps())).toEqual(pidsOf(before));
    expect(before.every(({ pid }) => isRunning(pid!))).toBe(true);
    // The spec tells again what is wanted, and nobody who runs has to go for that.
    await world.ok('spawn', String(COUNT), ...SPEC);
    const after = await world.ps();
    expect(after.map(({ slot }) => slot)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(pidsOf(after.filter(({ slot }) => slot !== 3))).toEqual(pidsOf(before));
    await expectOneProcessEach(world, after);
    // From then on they are agents like any others: one that dies comes back.
    process.kill(after[0]!.pid!, 'SIGKILL');
    await until(
      async () => {
        const [first] = await world.ps();
        return first?.state === 'ready' && first.pid !== after[0]!.pid;
      },
      20_000,
      'the agent that died is back',
    );
  });
});

test('keeps what was set aside, also when damage comes twice', async () => {
  spoil('fleetd.db');
  await world.ok('spawn');
  await world.killSupervisor();
  checkpoint();
  spoil('fleetd.db');
  await world.ok('spawn');
  expect(globSync(join(world.stateDir, 'fleetd.db.corrupt-*'))).toHaveLength(2);
  expect(pidsOf(await world.ps())).toEqual(pidsOf(before));
});

test.each(['run.db', 'events.db'])('loses no agent with a spoiled %s', async (name) => {
  const directory = name === 'run.db' ? world.runtimeDir : world.stateDir;
  for (const path of globSync(join(directory, `${name}*`))) {
    truncateSync(path, 0);
    const fd = openSync(path, 'r+');
    writeSync(fd, Buffer.alloc(8192, '?'));
    closeSync(fd);
  }
  await world.ok('spawn');
  expect(pidsOf(await world.ps())).toEqual(pidsOf(before));
  await expectOneProcessEach(world, await world.ps());
  expect(await told()).toMatch(new RegExp(`${name.replace('.', '\\.')} could not be read .*kept as`));
});
