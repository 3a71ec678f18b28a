import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Controller,
  controllersFor,
  describeUnenforced,
  leafSettings,
  oomCause,
  parseMemoryEvents,
  type Resources,
  subtreeChange,
} from '../../src/host/cgroup/limits.ts';
import { CgroupResources } from '../../src/host/cgroup/resources.ts';
import { ownUnits } from '../../src/host/cgroup/unit-memory.ts';
import { until } from '../e2e/harness.ts';

const MIB = 1024 * 1024;
const NONE: Resources = { memory: null, cpu: null, pids: null, nofile: null };
const ALL: Resources = {
  memory: { requestBytes: 10 * MIB, limitBytes: 64 * MIB },
  cpu: 0.5,
  pids: 64,
  nofile: 4096,
};
const ALL_CONTROLLERS: Controller[] = ['cpu', 'memory', 'pids'];

describe('controllers are on', () => {
  const memory = (requestBytes: number | null, limitBytes: number | null) => ({ requestBytes, limitBytes });

  test.each<[string, Resources | null, Controller[]]>([
    ['for no fleet without resources', null, []],
    ['for none that limits files only', { ...NONE, nofile: 10 }, []],
    ['for none whose memory says nothing', { ...NONE, memory: memory(null, null) }, []],
    ['for a request', { ...NONE, memory: memory(1, null) }, ['memory']],
    ['for a limit', { ...NONE, memory: memory(null, 1) }, ['memory']],
    ['for processors', { ...NONE, cpu: 1 }, ['cpu']],
    ['for processes', { ...NONE, pids: 1 }, ['pids']],
    ['for all of them', ALL, ALL_CONTROLLERS],
  ])('%s', (_, resources, controllers) => {
    expect(controllersFor(resources)).toEqual(controllers);
  });

  test.each<[string, Controller[], Controller[], string[]]>([
    ['', ['memory', 'pids'], ['cpu'], ['+memory', '+pids']],
    ['cpu io memory', ['memory'], ['cpu', 'pids'], ['-cpu']],
    ['cpuset', ['cpu'], [], ['+cpu']],
    ['memory pids', ['memory', 'pids'], ['cpu'], []],
  ])('and off by the least change, a word a write: from “%s”', (enabled, on, off, writes) => {
    expect(subtreeChange(enabled, on, off)).toEqual(writes);
  });
});

describe('a leaf gets', () => {
  const textsOf = (resources: Resources, controllers = ALL_CONTROLLERS) =>
    Object.fromEntries(leafSettings(resources, new Set(controllers)).map(({ file, text }) => [file, text]));

  test('all of its limits', () => {
    expect(textsOf(ALL)).toEqual({
      'cpu.max': '50000 100000',
      'pids.max': '64',
      'memory.oom.group': '1',
      'memory.low': String(10 * MIB),
      'memory.swap.max': '0',
      'memory.max': String(64 * MIB),
    });
  });

  test('back what is not limited any more', () => {
    expect(textsOf(NONE)).toEqual({
      'cpu.max': 'max 100000',
      'pids.max': 'max',
      'memory.oom.group': '1',
      'memory.low': '0',
      'memory.swap.max': 'max',
      'memory.max': 'max',
    });
  });

  test('nothing for a controller that is off', () => {
    expect(textsOf(ALL, ['pids'])).toEqual({ 'pids.max': '64' });
    expect(textsOf(ALL, [])).toEqual({});
  });

  test('memory.max last, because it takes effect at once', () => {
    expect(leafSettings(ALL, new Set(['memory'])).at(-1)?.file).toBe('memory.max');
  });

  test.each([
    [0.001, '1000 100000'],
    [1 / 3, '33333 100000'],
    [8, '800000 100000'],
  ])('a quota that the kernel takes: %d processors', (cpu, text) => {
    expect(textsOf({ ...NONE, cpu }, ['cpu'])).toEqual({ 'cpu.max': text });
  });
});

describe('an out-of-memory kill', () => {
  const events = (oom: number, oomKill: number) => ({ oom, oomKill });

  test.each([
    ['Linux 6.1', 'low 0\nhigh 0\nmax 21\noom 2\noom_kill 3\noom_group_kill 1', events(2, 3)],
    ['Linux 4.18', 'low 0\nhigh 0\nmax 0\noom 0\noom_kill 0', events(0, 0)],
    ['no such file', '', events(0, 0)],
  ])('is counted in memory.events: %s', (_, text, expected) => {
    expect(parseMemoryEvents(text)).toEqual(expected);
  });

  test.each([
    ['none', events(0, 0), events(0, 0), null],
    ['of an earlier agent', events(2, 3), events(2, 3), null],
    ['at the agent’s own limit', events(2, 3), events(3, 5), 'oom-limit'],
    ['while the host is short', events(2, 3), events(2, 4), 'oom-host'],
    ['that found nobody to kill', events(0, 0), events(1, 0), null],
    ['counted anew', events(2, 3), events(0, 0), null],
  ] as const)('is told by what grew since: %s', (_, before, after, cause) => {
    expect(oomCause(before, after)).toBe(cause);
  });
});

test.each<[Controller[], string]>([
  [['memory'], 'resources.memory is not enforced: why'],
  [['cpu', 'memory', 'pids'], 'resources.cpu, resources.memory, and resources.pids are not enforced: why'],
])('says what is not enforced by the keys of the spec', (controllers, text) => {
  expect(describeUnenforced(controllers, 'why')).toBe(text);
});

test('only units of our own get MemoryLow=', () => {
  expect(ownUnits('/fleetd.slice/fleetd-agents.service')).toEqual(['fleetd.slice', 'fleetd-agents.service']);
  expect(ownUnits('/system.slice/fleetd-x.service')).toEqual(['fleetd-x.service']);
  expect(ownUnits('/user.slice/user-1000.slice/user@1000.service')).toEqual([]);
  expect(ownUnits('/')).toEqual([]);
});

describe('in a tree', () => {
  let top: string;
  let problems: string[];
  let resources: CgroupResources;
  const path = (name: string) => join(top, name);
  const read = (name: string) => readFileSync(path(name), 'latin1');

  /** The kernel makes the files; a directory that imitates it has them from the beginning. */
  const FILES = ['cpu.max', 'pids.max', 'memory.oom.group', 'memory.low', 'memory.max', 'memory.events'];
  function makeCgroup(name: string, files: readonly string[], enabled: string): void {
    mkdirSync(path(name), { recursive: true });
    for (const file of files) writeFileSync(path(`${name}/${file}`), '');
    writeFileSync(path(`${name}/cgroup.subtree_control`), enabled);
  }
  const makeLeaf = (key: string) => makeCgroup(`root/${key}`, FILES, '');

  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), 'resources-'));
    problems = [];
    makeCgroup('.', [], 'cpu io memory pids');
    writeFileSync(path('cgroup.controllers'), 'cpu io memory pids\n');
    for (const name of ['root', 'root/web']) makeCgroup(name, ['memory.low'], 'cpu memory pids');
    makeCgroup('root/db', ['memory.low'], 'memory');
    const home = { mount: top, parent: top, root: path('root'), own: path('own'), origin: null, units: [] };
    resources = new CgroupResources(home, ({ message }) => problems.push(message));
  });
  afterEach(() => {
    rmSync(top, { recursive: true });
    expect(problems).toEqual([]);
  });

  test('a new leaf has its limits before its agent comes, and only once', () => {
    resources.set('web', ALL, 3);
    makeLeaf('web/0');
    resources.prepare('web/0');
    expect(read('root/web/0/memory.max')).toBe(String(64 * MIB));
    expect(read('root/web/0/cpu.max')).toBe('50000 100000');
    expect(read('root/web/0/pids.max')).toBe('64');
    writeFileSync(path('root/web/0/pids.max'), 'untouched');
    resources.prepare('web/0');
    expect(read('root/web/0/pids.max')).toBe('untouched');
    resources.forget('web/0');
    resources.prepare('web/0');
    expect(read('root/web/0/pids.max')).toBe('64');
  });

  test('a leaf of a fleet without resources is left alone', () => {
    resources.set('web', ALL, 3);
    makeLeaf('db/0');
    resources.prepare('db/0');
    expect(FILES.map((file) => read(`root/db/0/${file}`)).join('')).toBe('');
  });

  test('leaves that are there follow a changed spec, and those that an earlier supervisor left', async () => {
    makeLeaf('web/0');
    makeLeaf('web/1');
    resources.set('web', ALL, 2);
    await until(() => read('root/web/1/memory.max') === String(64 * MIB));
    expect(read('root/web/0/memory.max')).toBe(String(64 * MIB));
    resources.set('web', { ...ALL, pids: 80 }, 2);
    await until(() => read('root/web/1/pids.max') === '80');
    expect(read('root/web/0/pids.max')).toBe('80');
  });

  test('memory.low above the leaves is the sum of what is requested below', () => {
    resources.set('web', ALL, 3);
    resources.set('db', { ...NONE, memory: { requestBytes: 5 * MIB, limitBytes: null } }, 2);
    expect(read('root/web/memory.low')).toBe(String(30 * MIB));
    expect(read('root/db/memory.low')).toBe(String(10 * MIB));
    expect(read('root/memory.low')).toBe(String(40 * MIB));
    resources.set('web', ALL, 10);
    expect(read('root/web/memory.low')).toBe(String(100 * MIB));
    expect(read('root/memory.low')).toBe(String(110 * MIB));
  });

  test('a kill is told once, and none from before this supervisor', () => {
    const events = (oom: number, oomKill: number) =>
      writeFileSync(path('root/web/0/memory.events'), `oom ${oom}\noom_kill ${oomKill}\n`);
    makeLeaf('web/0');
    events(1, 1);
    resources.set('web', ALL, 1);
    expect(resources.oomSince('web/0')).toBeNull();
    events(2, 2);
    expect(resources.oomSince('web/0')).toBe('oom-limit');
    expect(resources.oomSince('web/0')).toBeNull();
    events(2, 3);
    expect(resources.oomSince('web/0')).toBe('oom-host');
    expect(resources.oomSince('db/0')).toBeNull();
  });

  test('a host without a controller enforces the others, and says which one is missing', () => {
    writeFileSync(path('cgroup.controllers'), 'cpu pids\n');
    writeFileSync(path('root/web/cgroup.subtree_control'), 'cpu pids');
    resources.set('web', ALL, 1);
    expect(resources.problem('web')).toContain('resources.memory is not enforced: ');
    expect(resources.problem('web')).toContain(`no such controller in ${top}`);
    makeLeaf('web/0');
    resources.prepare('web/0');
    expect(read('root/web/0/pids.max')).toBe('64');
    expect(read('root/web/0/memory.max')).toBe('');
    expect(resources.oomSince('web/0')).toBeNull();

    writeFileSync(path('cgroup.controllers'), 'cpu memory pids\n');
    writeFileSync(path('root/web/cgroup.subtree_control'), 'cpu memory pids');
    resources.set('web', ALL, 2);
    expect(resources.problem('web')).toBeNull();
  });

  test('a fleet whose controllers are on enforces everything, until its resources go', () => {
    resources.set('web', ALL, 1);
    expect(resources.problem('web')).toBeNull();
    expect(resources.has('web')).toBe(true);
    resources.set('web', null, 1);
    expect(resources.has('web')).toBe(false);
    // Switched off one after the other; a file remembers the last write.
    expect(read('root/web/cgroup.subtree_control')).toBe('-pids');
    expect(read('root/memory.low')).toBe('0');
  });

  test('what cannot be written is told, and its leaf is tried again', () => {
    resources.set('web', ALL, 1);
    mkdirSync(dirname(path('root/web/0/x')), { recursive: true });
    resources.prepare('web/0');
    expect(problems.splice(0)).toEqual([expect.stringContaining('ENOENT')]);
    makeLeaf('web/0');
    resources.prepare('web/0');
    expect(read('root/web/0/pids.max')).toBe('64');
  });
});
