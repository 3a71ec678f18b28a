import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { failureIn, pidIn, readAnswer } from '../../src/host/launcher/answer.ts';
import { baselineCalls, serviceLimit } from '../../src/host/launcher/baseline.ts';
import { insideCalls, launchCalls, wrapperCalls } from '../../src/host/launcher/calls.ts';
import { type Architecture, launcherImage } from '../../src/host/launcher/image.ts';
import type { Launch } from '../../src/host/launcher/launch.ts';
import { firstPage } from '../../src/host/launcher/launcher-process.ts';
import { MACHINE_CODE } from '../../src/host/launcher/machine-code.ts';
import { type Call, compileOrder, TABLE } from '../../src/host/launcher/script.ts';
import { STEPS } from '../../src/host/launcher/system-calls.ts';
import { libc } from '../../src/host/sys/libc.ts';
import { until } from '../e2e/harness.ts';
import { Scratch } from './processes.ts';

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.dispose());

const has = (program: string) => {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};
const NATIVE = { architecture: 'x64', bornInCgroup: true } as const;
const LAUNCH: Launch = { path: '/p', argv: ['p'], env: [], cwd: '/', output: { path: '/o' } };
const PREFIX: Record<Architecture, string> = {
  x64: process.arch === 'x64' ? '' : 'x86_64-linux-gnu-',
  arm64: process.arch === 'arm64' ? '' : 'aarch64-linux-gnu-',
};

describe.each(['x64', 'arm64'] as const)('the machine code for %s', (architecture) => {
  const tool = (name: string) => PREFIX[architecture] + name;

  test.skipIf(!has(tool('as')))('is what its source says (needs binutils for it)', () => {
    const source = new URL(`../../src/host/launcher/${architecture}.S`, import.meta.url).pathname;
    const [object, code] = [scratch.path('object'), scratch.path('code')];
    execFileSync(tool('as'), ['-o', object, source]);
    execFileSync(tool('objcopy'), ['-O', 'binary', '-j', '.text', object, code]);
    expect(readFileSync(code, 'hex')).toBe(MACHINE_CODE[architecture]);
  });
});

/** How the other architecture's programs are run here; null where they cannot be. */
const EMULATOR: Record<Architecture, string | null> = {
  x64: process.arch === 'x64' ? '' : null,
  arm64: process.arch === 'arm64' ? '' : has('qemu-aarch64') ? 'qemu-aarch64' : null,
};

const F_FORK_FLAGS = { parentSetTid: 0x100000, sigchld: 17 } as const;

/** qemu-user forks children of the launcher only, so that here they are not this process's. */
function forkable(calls: Call[], isEmulated: boolean): Call[] {
  if (!isEmulated) return calls;
  const flags = F_FORK_FLAGS.parentSetTid | F_FORK_FLAGS.sigchld;
  return calls.map((call) => (call.forks ? { ...call, arguments: [flags, 0, TABLE] } : call));
}

/** Runs a launcher as a program of its own, with what launcher-process.ts gives it, and one order. */
async function run(architecture: Architecture, changes: Partial<Launch>) {
  const emulator = EMULATOR[architecture]!;
  const launch = {
    path: '/bin/sh',
    argv: ['sh'],
    env: [],
    cwd: '/',
    output: { path: scratch.path('out') },
    ...changes,
  };
  const image = scratch.path('launcher');
  writeFileSync(image, launcherImage(architecture));
  chmodSync(image, 0o755);
  writeFileSync(scratch.path('page'), firstPage());
  const page = openSync(scratch.path('page'), 'r+');
  const argv = [emulator, image].filter(Boolean);
  // Node's pipes are sockets of both directions.
  const child = spawn(argv[0]!, argv.slice(1), {
    env: {},
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe', page],
  });
  const [reports, orders] = [child.stdio[3], child.stdio[4]] as unknown as Duplex[];
  const calls = launchCalls(launch, { architecture, bornInCgroup: false });
  orders!.write(compileOrder(2 ** 40 + 7, forkable(calls, emulator !== ''))!);
  const answer = readAnswer((await once(orders!, 'data'))[0] as Buffer, 0);
  orders!.end();
  const chunks: Buffer[] = [];
  for await (const chunk of reports!) chunks.push(chunk as Buffer);
  closeSync(page);
  return { answer, report: Buffer.concat(chunks), output: () => scratch.read('out') };
}

describe.each(['x64', 'arm64'] as const)('the launcher for %s', (architecture) => {
  test.skipIf(EMULATOR[architecture] === null)(
    'becomes its program (arm64 elsewhere needs qemu-user)',
    async () => {
      const argv = [
        'a name of its own',
        '-c',
        'echo "$0" "$1" "$A"; pwd; umask; ulimit -Sn; for fd in 3 4 5; do test -e /proc/$$/fd/$fd && echo open; done; echo end',
        'zero',
        'one',
      ];
      const changes = {
        argv,
        env: ['A=ä', 'PATH=/bin'],
        cwd: '/usr',
        umask: 0o27,
        limits: { nofile: { soft: 99, hard: 999 } },
      };
      const { answer, report, output } = await run(architecture, changes);
      expect(answer).toMatchObject({ launch: 2 ** 40 + 7, outcome: expect.any(Number) });
      expect(report).toHaveLength(0);
      await until(() => output().endsWith('end\n'), undefined, 'the program is done');
      expect(output()).toBe('zero one ä\n/usr\n0027\n99\nend\n');
    },
  );

  test.skipIf(EMULATOR[architecture] === null)(
    'reports the step that failed, passes over what may fail',
    async () => {
      const { report } = await run(architecture, { path: '/nonexistent', oomScoreAdj: 5_000 });
      expect(report).toHaveLength(32);
      expect(Number(report.readBigUInt64LE(0))).toBe(2 ** 40 + 7);
      expect(failureIn(report, 0).message).toBe('execve: ENOENT');
    },
  );
});

describe.each(['x64', 'arm64'] as const)('the launcher for %s, in a sandbox', (architecture) => {
  /** Runs it as a wrapper does: its order is a file, and a second word tells it where it is. */
  async function inside(changes: Partial<Launch>) {
    const launch = { path: '/bin/sh', argv: ['sh'], env: [], cwd: '/', output: { path: '/' }, ...changes };
    const image = scratch.path('launcher');
    writeFileSync(image, launcherImage(architecture));
    chmodSync(image, 0o755);
    writeFileSync(scratch.path('order'), compileOrder(2 ** 40 + 7, insideCalls(launch, architecture))!);
    const order = openSync(scratch.path('order'), 'r');
    const out = openSync(scratch.path('out'), 'w');
    const argv = [EMULATOR[architecture]!, image, 'inside'].filter(Boolean);
    const child = spawn(argv[0]!, argv.slice(1), {
      env: {},
      stdio: ['ignore', out, out, 'pipe', order, order],
    });
    const chunks: Buffer[] = [];
    child.stdio[3]!.on('data', (chunk: Buffer) => chunks.push(chunk));
    const [code] = (await once(child, 'close')) as [number];
    closeSync(order);
    closeSync(out);
    return { code, pid: child.pid, report: Buffer.concat(chunks), output: scratch.read('out') };
  }

  test.skipIf(EMULATOR[architecture] === null)('tells who it is, and becomes its program', async () => {
    const script = 'echo $$ "$A" $(pwd); ls /proc/$$/fd | head -4; exit 5';
    const ended = await inside({ argv: ['sh', '-c', script], env: ['A=b', 'PATH=/bin'], cwd: '/usr' });
    expect(ended.code).toBe(5);
    expect(ended.report).toHaveLength(32);
    expect(pidIn(ended.report, 0)).toBe(ended.pid);
    expect(ended.output.split('\n').slice(0, 4)).toEqual([`${ended.pid} b /usr`, '0', '1', '2']);
  });

  test.skipIf(EMULATOR[architecture] === null)('tells which step has failed', async () => {
    const { code, report, pid } = await inside({ path: '/nonexistent' });
    expect(code).toBe(127);
    expect([0, 32].map((at) => Number(report.readBigUInt64LE(at)))).toEqual([2 ** 40 + 7, 2 ** 40 + 7]);
    expect(pidIn(report, 0)).toBe(pid);
    expect(pidIn(report, 32)).toBeNull();
    expect(failureIn(report, 32).message).toBe('execve: ENOENT');
  });
});

test('a wrapper has an empty environment, and nothing of the spec’s; what it executes has all of that', () => {
  const launch: Launch = {
    ...LAUNCH,
    env: ['SECRET=1'],
    argv: ['p', '--token=2'],
    user: { uid: 1, gid: 2, groups: [] },
    wrapper: { path: '/usr/bin/bwrap', argv: ['bwrap', '--', 'x'] },
  };
  const outer = wrapperCalls(launch, Buffer.from('order'), NATIVE);
  expect(outer.at(-1)!.arguments).toEqual(['/usr/bin/bwrap', ['bwrap', '--', 'x'], []]);
  expect(JSON.stringify(outer)).not.toMatch(/SECRET|token/);
  expect(outer.map(({ step }) => STEPS[step])).not.toContain('setresuid');
  const steps = insideCalls(launch, 'x64').map(({ step }) => STEPS[step]);
  expect(steps.indexOf('setsid')).toBeLessThan(steps.indexOf('setresuid'));
  expect(steps.at(-1)).toBe('execve');
  // An errand ends with its group.
  expect(insideCalls({ ...launch, isErrand: true }, 'x64').map(({ step }) => STEPS[step])).not.toContain(
    'setsid',
  );
});

test('what is the spec’s comes after the change of the user, and the cgroup before everything', () => {
  const launch: Launch = {
    path: '/p',
    argv: ['p'],
    env: ['LD_PRELOAD=x'],
    cwd: '/c',
    output: { log: '/o' },
    user: { uid: 1, gid: 2, groups: [3] },
    cgroup: '/g',
    umask: 0,
    limits: { nofile: { soft: 1, hard: 1 } },
    oomScoreAdj: 1,
  };
  const steps = launchCalls(launch, { architecture: 'x64', bornInCgroup: false }).map(
    ({ step }) => STEPS[step],
  );
  expect(steps).toEqual([
    ...['fork', 'cgroup', 'cgroup', 'cgroup', 'setsid', 'output', 'output', 'output', 'output'],
    ...['close', 'close', 'close', 'close', 'umask'],
    ...['oom_score_adj', 'oom_score_adj', 'oom_score_adj', 'nofile', 'close', 'chdir'],
    ...['keyring', 'no_new_privs', 'setgroups', 'setresgid', 'setresuid', 'capset', 'chdir', 'execve'],
  ]);
  const born = launchCalls(launch, { architecture: 'x64', bornInCgroup: true }).map(
    ({ step }) => STEPS[step],
  );
  expect(born.slice(0, 3)).toEqual(['cgroup', 'fork', 'setsid']);
});

test('attributes and limits come before the change of the user, capabilities around it', () => {
  const launch: Launch = {
    ...LAUNCH,
    user: { uid: 1, gid: 2, groups: [] },
    limits: { memlock: { soft: 1, hard: 1 }, stack: { soft: 1, hard: 1 } },
    nice: -5,
    ioPriority: 3 << 13,
    cpus: new Set([0, 9]),
    capabilities: [10],
  };
  const calls = launchCalls(launch, NATIVE);
  const steps = calls.map(({ step }) => STEPS[step]).filter((step, i, all) => step !== all[i - 1]);
  expect(steps.slice(steps.indexOf('process.nice'))).toEqual([
    ...['process.nice', 'process.ionice', 'process.cpus', 'limits.memlock', 'limits.stack'],
    ...['process.capabilities', 'close', 'chdir', 'keyring', 'no_new_privs'],
    ...['setgroups', 'setresgid', 'setresuid', 'process.capabilities', 'chdir', 'execve'],
  ]);
  const affinity = calls.find(({ step }) => STEPS[step] === 'process.cpus')!.arguments;
  expect(affinity).toEqual([0, 8, Buffer.from([1, 2, 0, 0, 0, 0, 0, 0])]);
  // PR_CAPBSET_DROP of all but the one that stays.
  const dropped = calls.map(({ arguments: [option, number] }) => (option === 24 ? number : null));
  expect(new Set(dropped.filter((number) => number !== null))).toEqual(
    new Set(Array.from({ length: 64 }, (_, number) => number).filter((number) => number !== 10)),
  );
});

test('root with other groups is still root', () => {
  const launch: Launch = { ...LAUNCH, user: { uid: 0, gid: 1, groups: [2] } };
  const steps = launchCalls(launch, NATIVE).map(({ step }) => STEPS[step]);
  expect(steps).toContain('setgroups');
  expect(steps).not.toContain('no_new_privs');
  expect(steps).not.toContain('capset');
});

test('the launcher frees itself of what is inherited: whatever the host forbids is passed over', () => {
  const hard = (name: string) => (name === 'memlock' ? 65_536 : Number.POSITIVE_INFINITY);
  const calls = baselineCalls('x64', { hard, permitted: 1n << 10n });
  expect(calls.slice(0, -1).every(({ mayFail, forks }) => mayFail && !forks)).toBe(true);
  // The last one answers the order.
  expect(calls.at(-1)).toMatchObject({ forks: true });
  expect(serviceLimit('memlock', 65_536)).toEqual({ soft: 65_536, hard: 65_536 });
  expect(serviceLimit('nofile', 20_000)).toEqual({ soft: 1_024, hard: 20_000 });
  expect(serviceLimit('fsize', 10)).toEqual({ soft: 10, hard: 10 });
});

test('nothing of a longer order is left behind a shorter one', () => {
  const long = Buffer.from(
    compileOrder(1, launchCalls({ ...LAUNCH, env: ['A='.padEnd(9_000, 'x')] }, NATIVE))!,
  );
  const short = compileOrder(2, launchCalls(LAUNCH, NATIVE))!;
  expect(short.length).toBeLessThan(long.length);
  expect(short.length % libc.getpagesize()).toBe(0);
  expect(short.includes('xx')).toBe(false);
});
