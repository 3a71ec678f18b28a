import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

const MODULE = new URL('../../src/host/proc/own-pages.ts', import.meta.url).href;
/** A process of its own, because it measures itself: memory of files in kB before and after, and whether all still works. */
const SCRIPT = `
  import { readFileSync } from 'node:fs';
  import { gzipSync, gunzipSync } from 'node:zlib';
  import { createHash } from 'node:crypto';
  const { releaseFilePages } = await import('${MODULE}');
  const fileKilobytes = () => Number(/^RssFile:\\s+(\\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
  const work = () => createHash('sha256').update(gunzipSync(gzipSync('text'.repeat(1000)))).digest('hex');
  const first = work();
  const before = fileKilobytes();
  releaseFilePages();
  const after = fileKilobytes();
  for (let i = 0; i < 20; i++) releaseFilePages();
  console.log(JSON.stringify({ before, after, isSame: work() === first, isBack: fileKilobytes() > after }));`;

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
