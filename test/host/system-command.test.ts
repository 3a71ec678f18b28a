import { chmodSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runCommand, tryCommand } from '../../src/host/sys/system-command.ts';
import { Scratch } from './processes.ts';

let scratch: Scratch;
const { PATH, LD_TRACE_LOADED_OBJECTS } = process.env;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => {
  process.env.PATH = PATH;
  if (LD_TRACE_LOADED_OBJECTS === undefined) delete process.env.LD_TRACE_LOADED_OBJECTS;
  return scratch.dispose();
});

test('what this process was started with decides neither which program runs, nor how', async () => {
  const path = scratch.path('printenv');
  writeFileSync(path, '#!/bin/sh\necho forged\n');
  chmodSync(path, 0o755);
  process.env.PATH = scratch.root;
  // Obeyed by the loader: the program would only list its libraries.
  process.env.LD_TRACE_LOADED_OBJECTS = '1';
  const { ok, text } = await tryCommand('printenv', [], { env: { WANTED: '1' } });
  expect(ok).toBe(true);
  expect(text.split('\n').sort()).toEqual([
    'HOME=/',
    'LANG=C.UTF-8',
    'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
    'WANTED=1',
  ]);
});

test('one that fails says why, and one that does not end is ended', async () => {
  await expect(runCommand('/usr/bin/ls', ['--', scratch.path('none')])).rejects.toThrow(
    /^\/usr\/bin\/ls: .*none/,
  );
  await expect(runCommand('/no/such/program', [])).rejects.toThrow('ENOENT');
  expect(await tryCommand('/usr/bin/sleep', ['1000'], { timeoutMs: 100 })).toMatchObject({ ok: false });
});
