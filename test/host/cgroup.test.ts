import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CgroupTree } from '../../src/host/cgroup/tree.ts';
import { findCgroupMount, parseCgroupPath } from '../../src/host/proc/cgroup.ts';
import { readProcText } from '../../src/host/proc/read.ts';
import { reapPid } from '../../src/host/sys/pidfd.ts';
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
const MOUNT = findCgroupMount(readProcText('/proc/self/mountinfo') ?? '');
const HAS_TREE = (() => {
  const tree = CgroupTree.open(ID);
  tree?.close();
  return tree !== null;
})();

describe.skipIf(!HAS_TREE)('a tree of cgroups (needs one that can be written)', () => {
  let scratch: Scratch;
  let tree: CgroupTree;
  beforeEach(() => {
    scratch = new Scratch();
    tree = CgroupTree.open(ID)!;
  });
  afterEach(async () => {
    for (const key of KEYS) tree.kill(key);
    await scratch.dispose();
    for (const key of KEYS) tree.leave([key]);
    tree.close();
    expect(existsSync(`${MOUNT}/fleetd-${ID}`)).toBe(false);
  });
  const KEYS = ['web/0', 'web/1', 'db/0'];

  /** Where the kernel has a process. */
  const cgroupOf = (pid: number) => parseCgroupPath(readProcText(`/proc/${pid}/cgroup`) ?? '');
  const isIn = (key: string, pid: number) => cgroupOf(pid) === `/fleetd-${ID}/${key}`;

  /** Starts a script in a slot and waits until it has told so many pids. */
  async function start(key: string, script: string, count: number): Promise<number[]> {
    const name = `pids.${key.replace('/', '.')}`;
    const main = scratch.start(script.replaceAll('PIDS', scratch.path(name)), { cgroup: tree.place(key) });
    const told = await scratch.pids(name, count);
    expect(tree.hasArrived(key, main)).toBe(true);
    return [main, ...told.filter((pid) => pid !== main)];
  }

  /** Another one opens the same tree; this process stands for both. */
  const next = () => {
    tree.disown();
    const other = CgroupTree.open(ID)!;
    other.disown();
    return other;
  };

  /** What an agent may fork, each telling its pid. */
  const TELL = 'echo \\$\\$ >> PIDS; exec sleep 1000';
  const FORK = `sh -c "${TELL}" & echo $$ >> PIDS; exec sleep 1000`;
  const SETSID = `setsid sh -c "${TELL}" & echo $$ >> PIDS; exec sleep 1000`;
  const DOUBLE_FORK = `sh -c 'setsid sh -c "(${TELL}) > /dev/null 2>&1 &" &' ; echo $$ >> PIDS; exec sleep 1000`;

  test.each([
    ['a fork', FORK],
    ['a session of its own', SETSID],
    ['a double fork that closed its output', DOUBLE_FORK],
  ])('ends %s together with the agent', async (_, script) => {
    const pids = await start('web/0', script, 2);
    expect(pids).toHaveLength(2);
    expect(pids.every((pid) => isIn('web/0', pid))).toBe(true);
    tree.kill('web/0');
    reapPid(pids[0]!);
    await until(() => !tree.isPopulated('web/0'));
    expect(pids.filter(isLive)).toEqual([]);
  });

  test('a program’s first instruction runs in its cgroup', () => {
    reapPid(scratch.start('grep ^0:: /proc/self/cgroup', { cgroup: tree.place('web/0') }));
    expect(scratch.read('out.1')).toBe(`0::/fleetd-${ID}/web/0\n`);
  });

  test('a launcher whose cgroup is gone never becomes its program', () => {
    const cgroup = tree.place('web/0');
    tree.leave(['web/0']);
    try {
      expect(reapPid(scratch.start('echo here', { cgroup }))).toEqual({ code: 127, signal: null });
    } catch (error) {
      // With glibc 2.39 and later there is not even a launcher.
      expect((error as Error).message).toBe('cgroup: ENOENT');
    }
    expect(scratch.read('out.1')).toBe('');
  });

  test('tells one slot’s processes from another’s, and from strangers', async () => {
    const [a] = await start('web/0', FORK, 2);
    const [b] = await start('db/0', FORK, 2);
    expect([tree.keyOf(a!), tree.keyOf(b!)]).toEqual(['web/0', 'db/0']);
    expect([tree.keyOf(1), tree.keyOf(process.pid), tree.keyOf(2 ** 22)]).toEqual([null, null, null]);
    tree.kill('web/0');
    await until(() => !tree.isPopulated('web/0'));
    expect(isLive(b!)).toBe(true);
    expect(tree.isPopulated('db/0')).toBe(true);
  });

  test.each([
    ['the name of our root, elsewhere', (id: string) => `elsewhere-${id}/fleetd-${id}/web/0`],
    ['a name that begins like our root', (id: string) => `fleetd-${id}x/web/0`],
  ])('a cgroup with %s is nobody’s slot', async (_, pathOf) => {
    const cgroup = `${MOUNT}/${pathOf(ID)}`;
    mkdirSync(cgroup, { recursive: true });
    const stranger = scratch.start('exec sleep 1000', { cgroup });
    try {
      await until(() => cgroupOf(stranger) === `/${pathOf(ID)}`);
      expect(tree.keyOf(stranger)).toBeNull();
    } finally {
      process.kill(stranger, 'SIGKILL');
      reapPid(stranger);
      for (let path = cgroup; path !== MOUNT; path = dirname(path)) rmdirSync(path);
    }
  });

  test('a zombie populates nothing', async () => {
    const [main] = await start('web/0', 'echo $$ >> PIDS; exec sleep 1000', 1);
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
    const [main] = await start('web/0', FORK, 2);
    tree.leave(['web/0']);
    expect(tree.keyOf(main!)).toBe('web/0');
    tree.kill('web/0');
    reapPid(main!);
    await until(() => !tree.isPopulated('web/0'));
    tree.leave(['web/0']);
    expect(existsSync(`${MOUNT}/fleetd-${ID}/web`)).toBe(false);
  });

  describe('what is started beside agents', () => {
    const places = () =>
      ['_helpers', '_hooks']
        .flatMap((name) =>
          existsSync(`${MOUNT}/fleetd-${ID}/${name}`) ? readdirSync(`${MOUNT}/fleetd-${ID}/${name}`) : [],
        )
        .filter((name) => /^\d/.test(name));

    async function begin(kind: 'helper' | 'hook') {
      const errand = tree.errand(kind);
      const script = SETSID.replaceAll('PIDS', scratch.path(`pids.${kind}`));
      const main = scratch.start(script, errand.cgroup === undefined ? {} : { cgroup: errand.cgroup });
      return { errand, main, pids: await scratch.pids(`pids.${kind}`, 2) };
    }

    test('a helper ends with all that it forked, in whatever session, and its place with it', async () => {
      const { errand, main, pids } = await begin('helper');
      errand.kill(main);
      reapPid(main);
      errand.done();
      await until(() => pids.filter(isLive).length === 0 && places().length === 0);
    });

    test('one that is over takes no place from another whose process is still on its way', async () => {
      const [over, other] = [tree.errand('helper'), tree.errand('helper')];
      const ended = scratch.start('true', over.cgroup === undefined ? {} : { cgroup: over.cgroup });
      reapPid(ended);
      over.done();
      await until(() => places().length === 1);
      expect(other.cgroup?.endsWith(places()[0]!)).toBe(true);
      other.done();
      await until(() => places().length === 0);
    });

    test('what a hook leaves in the background goes on, also under the next supervisor; a helper’s does not', async () => {
      const hook = await begin('hook');
      const helper = await begin('helper');
      process.kill(hook.main, 'SIGKILL');
      reapPid(hook.main);
      hook.errand.done();
      expect([...next().census()]).toEqual([]);
      await until(() => helper.pids.filter(isLive).length === 0);
      reapPid(helper.main);
      helper.errand.done();
      await until(() => places().length === 1);
      const left = hook.pids.filter((pid) => pid !== hook.main);
      expect(left.map(isLive)).toEqual([true]);
      process.kill(left[0]!, 'SIGKILL');
      await until(() => !isLive(left[0]!));
      // The supervisor that began it is gone in this story, but not in this process: it holds the place still.
      helper.errand.done();
    });
  });

  test('a slot in which something was killed is as good as new for the next agent', async () => {
    for (const kill of [
      () => tree.kill('web/0'),
      // As an operator may: it kills in all slots of the fleet, and only the agents' ends tell of it.
      () => {
        writeFileSync(`${MOUNT}/fleetd-${ID}/web/cgroup.kill`, '1');
        tree.renew('web/0');
      },
    ]) {
      const main = scratch.start('exec sleep 1000', { cgroup: tree.place('web/0') });
      kill();
      expect(reapPid(main)).toEqual({ code: null, signal: 'SIGKILL' });
      const next = scratch.start('exit 7', { cgroup: tree.place('web/0') });
      expect(reapPid(next)).toEqual({ code: 7, signal: null });
    }
  });

  describe('after a crash of the supervisor', () => {
    test('finds all that lives, by slot', async () => {
      const web = await start('web/0', SETSID, 2);
      const db = await start('db/0', FORK, 2);
      mkdirSync(`${MOUNT}/fleetd-${ID}/web/1`);
      const found = next().census();
      expect([...found.keys()].sort()).toEqual(['db/0', 'web/0']);
      expect(found.get('web/0')!.sort()).toEqual(web.sort());
      expect(found.get('db/0')!.sort()).toEqual(db.sort());
      expect(existsSync(`${MOUNT}/fleetd-${ID}/web/1`)).toBe(false);
    });

    test('finds a launcher that was on its way when the supervisor ended', () => {
      const main = scratch.start('exec sleep 1000', { cgroup: tree.place('web/1') });
      expect([...next().census()]).toEqual([['web/1', [main]]]);
    });

    test('ends what stays in the supervisor’s own cgroup, where nothing of a spec has any business', async () => {
      const main = scratch.start('exec sleep 1000');
      expect([...next().census()]).toEqual([]);
      await until(() => !isLive(main));
      reapPid(main);
    });
  });

  test('has one owner at a time, also where the hierarchy is mounted elsewhere', () => {
    expect(() => CgroupTree.open(ID)).toThrow(
      expect.objectContaining({
        code: 'STATE_LOCKED',
        message: expect.stringContaining(`pid ${process.pid} (`),
      }),
    );
    const elsewhere = scratch.path('cgroup');
    const there = `mkdir ${elsewhere} && mount -t cgroup2 none ${elsewhere} && flock --nonblock ${elsewhere}/fleetd-${ID} true`;
    const { status } = spawnSync('unshare', ['--mount', 'sh', '-c', there]);
    expect(status).toBe(1);
  });

  test('two trees do not see each other', async () => {
    const [main] = await start('web/0', FORK, 2);
    const other = CgroupTree.open(`${ID}-b`)!;
    try {
      expect([...other.census()]).toEqual([]);
      expect(other.keyOf(main!)).toBeNull();
      other.kill('web/0');
      expect(isLive(main!)).toBe(true);
    } finally {
      // Back to where it was opened from: our own leaf of the first tree.
      other.close();
    }
  });

  test('ends what went into a cgroup below its own', async () => {
    const [main] = await start('web/0', FORK, 2);
    const below = `${MOUNT}/fleetd-${ID}/web/0/below`;
    mkdirSync(below);
    const deep = scratch.start('exec sleep 1000', { cgroup: below });
    await until(() => tree.keyOf(deep) === 'web/0');
    tree.kill('web/0');
    for (const pid of [main!, deep]) reapPid(pid);
    await until(() => !tree.isPopulated('web/0'));
    rmdirSync(below);
  });
});
