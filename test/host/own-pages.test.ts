import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { unchangedMappings } from '../../src/host/proc/own-pages.ts';

const MODULE = new URL('../../src/host/proc/own-pages.ts', import.meta.url).href;
/** A process of its own, because it measures itself: memory of files in kB before and after, and whether all still works. */
const SCRIPT = `
  import { readFileSync } from 'node:fs';
  import { gzipSync, gunzipSync } from 'node:zlib';
  import { createHash } from 'node:crypto';
  const { releaseFilePages } = await import('${MODULE}');
  // Counted by walking the page tables; the counters in /proc/PID/status lag behind (proc_pid_status(5)).
  const fileKilobytes = () => {
    const rollup = readFileSync('/proc/self/smaps_rollup', 'utf8');
    const [rss, own] = ['Rss', 'Anonymous'].map((name) => Number(new RegExp('^' + name + ': +([0-9]+)', 'm').exec(rollup)[1]));
    return rss - own;
  };
  const work = () => createHash('sha256').update(gunzipSync(gzipSync('text'.repeat(1000)))).digest('hex');
  const first = work();
  const before = fileKilobytes();
  releaseFilePages();
  const after = fileKilobytes();
  for (let i = 0; i < 20; i++) releaseFilePages();
  const least = fileKilobytes();
  console.log(JSON.stringify({ before, after, isSame: work() === first, isBack: fileKilobytes() > least }));`;

test('pages of files are given back, and come back where they are needed', () => {
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', SCRIPT], { encoding: 'utf8' });
  const { before, after, isSame, isBack } = JSON.parse(output) as {
    before: number;
    after: number;
    isSame: boolean;
    isBack: boolean;
  };
  expect({ isSame, isBack }).toEqual({ isSame: true, isBack: true });
  expect(after).toBeLessThan(before / 2);
});

/** A mapping as /proc/PID/smaps shows it. */
const mapping = (permissions: string, path: string, anonymous: number, swap: number) =>
  `00400000-00500000 ${permissions} 00000000 fd:00 ${path === '' ? 0 : 77}${' '.repeat(20)}${path}
Size:               1024 kB
Rss:                 512 kB
Anonymous:           ${anonymous} kB
AnonHugePages:         0 kB
Swap:                ${swap} kB
SwapPss:               0 kB
VmFlags: rd ex mr mw me
`;

test.each([
  ['text of a program', mapping('r-xp', '/usr/bin/node', 0, 0), true],
  ['constants of a program', mapping('r--p', '/usr/bin/node', 0, 0), true],
  ['relocations', mapping('r--p', '/usr/lib/libc.so.6', 16, 0), false],
  ['relocations that are swapped out', mapping('r--p', '/usr/lib/libc.so.6', 0, 16), false],
  ['data', mapping('rw-p', '/usr/bin/node', 0, 0), false],
  ['a heap', mapping('r--p', '', 0, 0), false],
  ['a shared mapping', mapping('r--s', '/run/shared', 0, 0), false],
])('%s: given back is only what the file has too', (_, smaps, isReleased) => {
  const span = { from: 0x400000, to: 0x500000 };
  expect(unchangedMappings(smaps + mapping('rw-p', '', 4, 0))).toEqual(isReleased ? [span] : []);
});
