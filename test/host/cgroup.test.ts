import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findCgroupMount, parseCgroupPath } from '../../src/host/cgroup.ts';
import { CgroupTree } from '../../src/host/cgroup-tree.ts';
import type { SlotFiles } from '../../src/host/containment.ts';
import { reapPid } from '../../src/host/pidfd.ts';
import { readProcText } from '../../src/host/proc/read.ts';
import { readStat } from '../../src/host/proc/stat.ts';
import { Spawner } from '../../src/host/spawner.ts';
import { until } from '../e2e/harness.ts';
import { isLive, Scratch } from './processes.ts';

describe('the v2 hierarchy', () => {
  const V1 = `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd`;

  test.each([
    ['v1 only', V1, null],
    [
      'hybrid',
      `${V1}\n41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw`,
      '/sys/fs/cgroup/unified',
    ],
    [
      'v2, with optional fields of propagation',
      '24 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 master:4 - cgroup2 cgroup2 rw,nsdelegate',
      '/sys/fs/cgroup',
    ],
    ['none', '', null],
    ['rubbish', ' - \n - cgroup2\n\0 - cgroup2 ', null],
  ])('is found where it is mounted: %s', (_, mountInfo, mount) => {
    expect(findCgroupMount(mountInfo)).toBe(mount);
  });

  test.each([
    ['v2', '0::/user.slice/user-1000.slice/session-2.scope\n', '/user.slice/user-1000.slice/session-2.scope'],
    ['hybrid', '9:name=systemd:/\n8:pids:/a\n0::/\n', '/'],
    ['v1 only', '9:name=systemd:/\n4:memory:/0::/trap\n', null],
    ['a name with a colon', '0::/a:b/0::c\n', '/a:b/0::c'],
    ['a namespace that we stand outside of', '0::/../other\n', '/../other'],
    ['none', '', null],
  ])('tells a process’s place in it: %s', (_, text, path) => {
    expect(parseCgroupPath(text)).toBe(path);
  });
});

/** A tree of the test's own. The test process itself moves into it, and back at its end. */
const ID = `test-${process.pid}`;
/** Slots are told by what is attached alone: no log and no directory here says which slot it is. */
const FILES: SlotFiles = { keyOfLog: () => null, keyOfDir: () => null };
const MOUNT = findCgroupMount(readProcText('/proc/self/mountinfo') ?? '');
const SPAWNER = new Spawner();
const HAS_TREE = (() => {
  const tree = CgroupTree.open(ID, FILES, SPAWNER);
  tree?.close();
  return tree !== null;
})();

describe.skipIf(!HAS_TREE)('a tree of cgroups (needs one that can be written)', () => {
  let scratch: Scratch;
  let tree: CgroupTree;
  beforeEach(() => {
    scratch = new Scratch();
    tree = CgroupTree.open(ID, FILES, SPAWNER)!;
    mains.clear();
    tree.mainOf = (key) => {
      const stat = readStat(mains.get(key) ?? 0);
      return stat && stat.state !== 'Z' ? stat : null;
    };
  });
  /** The main process of each slot, which the tree asks for. */
  const mains = new Map<string, number>();
  afterEach(async () => {
    // Each slot is ended by hand, then what never got into one, by the files that it writes to.
    for (const key of KEYS) tree.kill(key);
    tree.census(nothingNoted);
    await scratch.dispose();
    for (const key of KEYS) tree.leave([key]);
    tree.close();
    expect(existsSync(`${MOUNT}/fleetd-${ID}`)).toBe(false);
  });
  const KEYS = ['web/0', 'web/1', 'db/0'];
  const nothingNoted = () => null;

  /** Where the kernel has a process: the tree itself knows of one from the attach on, and moves it soon after. */
  const isIn = (key: string, pid: number) =>
    parseCgroupPath(readProcText(`/proc/${pid}/cgroup`) ?? '') === `/fleetd-${ID}/${key}`;

  /** Attaches a process and waits until it is where it belongs. */
  async function place(key: string, pid: number): Promise<void> {
    mains.set(key, pid);
    tree.attach(key, pid);
    expect(tree.keyOf(pid)).toBe(key);
    await until(() => isIn(key, pid));
  }

  /** Starts a script in a slot and waits until it has told so many pids. */
  async function start(
    key: string,
    script: string,
    count: number,
    attach: 'at once' | 'late',
  ): Promise<number[]> {
    const name = `pids.${key.replace('/', '.')}`;
    const main = scratch.start(script.replaceAll('PIDS', scratch.path(name)));
    if (attach === 'at once') await place(key, main);
    const told = await scratch.pids(name, count);
    if (attach === 'late') await place(key, main);
    return [main, ...told.filter((pid) => pid !== main)];
  }

  /** What an agent may fork, each telling its pid. */
  const TELL = 'echo \\$\\$ >> PIDS; exec sleep 1000';
  const FORK = `sh -c "${TELL}" & echo $$ >> PIDS; exec sleep 1000`;
  const SETSID = `setsid sh -c "${TELL}" & echo $$ >> PIDS; exec sleep 1000`;
  const DOUBLE_FORK = `(setsid sh -c "(${TELL}) > /dev/null 2>&1 &" &) ; echo $$ >> PIDS; exec sleep 1000`;

  test.each([
    ['a fork', FORK],
    ['a session of its own', SETSID],
    [
      'a double fork that closed its output',
      DOUBLE_FORK.replace('(echo', "sh -c 'echo").replace('1000)', "1000'"),
    ],
  ])('ends %s together with the agent', async (_, script) => {
    const pids = await start('web/0', `sleep 0.2; ${script.replaceAll('\\$\\$', '\\$\\$')}`, 2, 'at once');
    expect(pids).toHaveLength(2);
    await until(() => pids.every((pid) => isIn('web/0', pid)), 10_000, 'both in their slot');
    tree.kill('web/0');
    reapPid(pids[0]!);
    await until(() => !tree.isPopulated('web/0'));
    expect(pids.filter(isLive)).toEqual([]);
  });

  test('takes in what was forked before the attach', async () => {
    const pids = await start('web/0', FORK, 2, 'late');
    await until(() => pids.every((pid) => isIn('web/0', pid)), 10_000, 'both in their slot');
  });

  test('takes in what was forked before the attach and has left the session', async () => {
    const pids = await start('web/0', SETSID, 2, 'late');
    await until(() => pids.every((pid) => isIn('web/0', pid)), 10_000, 'both in their slot');
  });

  test('ends what was forked before the attach by an agent that has ended since', async () => {
    const main = scratch.start(`sh -c "${TELL}" & sleep 0.05`.replaceAll('PIDS', scratch.path('pids')));
    const [fork] = await scratch.pids('pids', 1);
    reapPid(main);
    tree.attach('web/0', main);
    await until(() => !isLive(fork!), 10_000, 'the fork is ended');
  });

  test('attaches one that has ended meanwhile without a word, and others beside it', async () => {
    const ended = scratch.start('exit 0');
    reapPid(ended);
    const lives = scratch.start('exec sleep 1000');
    tree.attach('web/0', ended);
    await place('web/1', lives);
    expect(tree.isPopulated('web/0')).toBe(false);
  });

  test('tells one slot’s processes from another’s, and from strangers', async () => {
    const [a] = await start('web/0', FORK, 2, 'at once');
    const [b] = await start('db/0', FORK, 2, 'at once');
    expect([tree.keyOf(a!), tree.keyOf(b!)]).toEqual(['web/0', 'db/0']);
    expect([tree.keyOf(1), tree.keyOf(process.pid), tree.keyOf(2 ** 22)]).toEqual([null, null, null]);
    tree.kill('web/0');
    await until(() => !tree.isPopulated('web/0'));
    expect(isLive(b!)).toBe(true);
    expect(tree.isPopulated('db/0')).toBe(true);
  });

  test('a zombie populates nothing', async () => {
    const [main] = await start('web/0', 'echo $$ >> PIDS; exec sleep 1000', 1, 'at once');
    tree.kill('web/0');
    await until(() => !isLive(main!));
    await until(() => !tree.isPopulated('web/0'));
    reapPid(main!);
  });

  test('a slot without a place is empty, and there is nothing to kill in it', () => {
    expect(tree.isPopulated('web/0')).toBe(false);
    tree.kill('web/0');
    tree.leave(['web/0']);
  });

  test('takes a slot’s place away only when it is empty', async () => {
    const [main] = await start('web/0', FORK, 2, 'at once');
    tree.leave(['web/0']);
    expect(tree.keyOf(main!)).toBe('web/0');
    tree.kill('web/0');
    reapPid(main!);
    await until(() => !tree.isPopulated('web/0'));
    tree.leave(['web/0']);
    expect(existsSync(`${MOUNT}/fleetd-${ID}/web`)).toBe(false);
  });

  describe('after a crash of the supervisor', () => {
    /** Another one opens the same tree; this process stands for both. */
    const next = () => CgroupTree.open(ID, FILES, SPAWNER)!;

    test('finds all that lives, by slot', async () => {
      const web = await start('web/0', SETSID, 2, 'at once');
      const db = await start('db/0', FORK, 2, 'at once');
      mkdirSync(`${MOUNT}/fleetd-${ID}/web/1`);
      const found = next().census(nothingNoted);
      expect([...found.keys()].sort()).toEqual(['db/0', 'web/0']);
      expect(found.get('web/0')!.sort()).toEqual(web.sort());
      expect(found.get('db/0')!.sort()).toEqual(db.sort());
      expect(existsSync(`${MOUNT}/fleetd-${ID}/web/1`)).toBe(false);
    });

    test('puts a noted start that was cut off where it belongs', async () => {
      const main = scratch.start('exec sleep 1000');
      const found = next().census((pid) => (pid === main ? 'web/1' : null));
      expect([...found]).toEqual([['web/1', [main]]]);
      expect(tree.keyOf(main)).toBe('web/1');
    });

    test('ends a start that nobody noted', async () => {
      const main = scratch.start('exec sleep 1000');
      expect([...next().census(nothingNoted)]).toEqual([]);
      await until(() => !isLive(main));
      reapPid(main);
    });

    test('keeps what a noted start had forked before it was cut off', async () => {
      const main = scratch.start(FORK.replaceAll('PIDS', scratch.path('pids')));
      const pids = await scratch.pids('pids', 2);
      const found = next().census((pid) => (pid === main ? 'web/1' : null));
      expect(found.get('web/1')?.sort()).toEqual(pids.sort());
    });
  });

  test('two trees do not see each other', async () => {
    const [main] = await start('web/0', FORK, 2, 'at once');
    const other = CgroupTree.open(`${ID}-b`, FILES, SPAWNER)!;
    try {
      expect([...other.census(nothingNoted)]).toEqual([]);
      expect(other.keyOf(main!)).toBeNull();
      other.kill('web/0');
      expect(isLive(main!)).toBe(true);
    } finally {
      // Back to where it was opened from: our own leaf of the first tree.
      other.close();
    }
  });

  test('ends what went into a cgroup below its own', async () => {
    const [main] = await start('web/0', FORK, 2, 'at once');
    const below = `${MOUNT}/fleetd-${ID}/web/0/below`;
    mkdirSync(below);
    const deep = scratch.start(`echo $$ > ${below}/cgroup.procs; echo $$ > deep; exec sleep 1000`);
    await scratch.pids('deep', 1);
    expect(tree.keyOf(deep)).toBe('web/0');
    tree.kill('web/0');
    for (const pid of [main!, deep]) reapPid(pid);
    await until(() => !tree.isPopulated('web/0'));
    rmdirSync(below);
  });
});
