import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CgroupTree } from '../../src/host/cgroup/tree.ts';
import { readStat } from '../../src/host/proc/stat.ts';
import { adoptForeign } from '../../src/host/process/adopt-foreign.ts';
import { success } from '../../src/host/sys/result.ts';
import { isLive, Scratch } from './processes.ts';

/** A tree of the test's own. The test process itself moves into it, and back at its end. */
const ID = `take-${process.pid}`;
const HAS_TREE = (() => {
  const tree = CgroupTree.open(ID);
  tree?.close();
  return tree !== null;
})();

describe.skipIf(!HAS_TREE)('taking processes in (needs a cgroup tree that can be written)', () => {
  let scratch: Scratch;
  let tree: CgroupTree;
  beforeEach(() => {
    scratch = new Scratch();
    tree = CgroupTree.open(ID)!;
  });
  afterEach(async () => {
    await scratch.dispose();
    tree.leave(['web/0']);
    tree.leave(['web/1']);
    tree.close();
  });

  const identify = (pid: number) => ({ pid, startTicks: readStat(pid)!.startTicks });

  test('moves each into its slot, with children and grandchildren in whatever session', async () => {
    writeFileSync(scratch.path('child'), 'setsid sleep 1000 & echo $!; wait');
    const script = 'sh child & echo $!; wait';
    const first = scratch.start(`(${script}) > forks`);
    const second = scratch.start('exec sleep 1000');
    const forks = await scratch.pids('forks', 2);
    const intakes = [
      { key: 'web/0', process: identify(first) },
      { key: 'web/1', process: identify(second) },
    ];
    expect(adoptForeign(tree, intakes)).toEqual([success(true), success(true)]);
    expect(new Set(forks).size).toBe(2);
    expect([first, ...forks].map((pid) => tree.keyOf(pid))).toEqual(['web/0', 'web/0', 'web/0']);
    expect(tree.keyOf(second)).toBe('web/1');
  });

  test('takes no process for another one that had its pid: it stays where it is, and lives', () => {
    const { pid, startTicks } = identify(scratch.start('exec sleep 1000'));
    const former = { pid, startTicks: startTicks - 1 };
    expect(adoptForeign(tree, [{ key: 'web/0', process: former }])).toEqual([success(false)]);
    expect(tree.keyOf(pid)).toBeNull();
    // The same, where the pid changed hands between the look and the move.
    expect(tree.take('web/0', former)).toBe(false);
    expect(tree.keyOf(pid)).toBeNull();
    expect(isLive(pid)).toBe(true);
  });
});
