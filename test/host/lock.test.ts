import { existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { takeLock } from '../../src/host/state/lock.ts';
import { until } from '../e2e/harness.ts';
import { isLive, Scratch } from './processes.ts';

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.dispose());

test('is taken once, and names who has it', () => {
  const path = scratch.path('lock');
  const first = takeLock(path);
  if (!first.ok) throw new Error('not taken');
  expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`);
  expect(takeLock(path)).toMatchObject({ ok: false, error: { holder: String(process.pid) } });
  first.value();
  const second = takeLock(path);
  if (!second.ok) throw new Error('not given back');
  second.value();
});

test('ends with its process, however that ends, and says nothing of it afterwards', async () => {
  const path = scratch.path('lock');
  const lock = new URL('../../src/host/state/lock.ts', import.meta.url).href;
  const script = `const { takeLock } = await import(${JSON.stringify(lock)}); takeLock(process.argv[1]); setInterval(() => {}, 1000)`;
  const pid = scratch.start('', {
    path: process.execPath,
    argv: ['node', '--input-type=module', '-e', script, path],
  });
  await until(() => existsSync(path) && readFileSync(path, 'utf8') === `${pid}\n`);
  expect(takeLock(path)).toMatchObject({ ok: false, error: { holder: String(pid) } });
  process.kill(pid, 'SIGKILL');
  // Its threads end one by one, and the last one takes the lock with it.
  let own = takeLock(path);
  await until(() => {
    if (!own.ok) own = takeLock(path);
    return own.ok;
  });
  expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`);
  if (own.ok) own.value();
});

test('is not inherited by what its process starts', async () => {
  const path = scratch.path('lock');
  const lock = takeLock(path);
  const pid = scratch.start('exec sleep 1000');
  if (!lock.ok) throw new Error('not taken');
  lock.value();
  const again = takeLock(path);
  expect(isLive(pid)).toBe(true);
  if (!again.ok) throw new Error('an agent holds the lock');
  again.value();
});
