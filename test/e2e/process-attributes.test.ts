import { execFile } from 'node:child_process';
import { chmodSync, readFileSync, readlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Finding } from '../../src/doctor/finding.ts';
import { limitIn } from '../../src/host/facts/inherited.ts';
import { type Ended, until, World } from './harness.ts';

const FLEETCTL = new URL('../../bin/fleetctl', import.meta.url).pathname;
const MIB = 2 ** 20;
const UNLIMITED = Number.POSITIVE_INFINITY;
/** All that a shell's programs can change of what is inherited; the limits are soft and hard ones. */
const DIRTY = `ulimit -s 4096; ulimit -l 64; ulimit -f 2097152; ulimit -S -c unlimited
echo 0x1 > /proc/self/coredump_filter
exec nice -n 15 ionice -c 3 taskset -c 0 chrt --batch 0 setarch -R ${FLEETCTL} "$@"`;

const read = (pid: number, name: string) => readFileSync(`/proc/${pid}/${name}`, 'utf8').trim();
const status = (pid: number, name: string) =>
  new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(read(pid, 'status'))?.[1]?.trim();
/** The fields of /proc/PID/stat behind the name, the third of all first (proc_pid_stat(5)). */
const stat = (pid: number) =>
  read(pid, 'stat')
    .replace(/^.*\) /s, '')
    .split(' ');
/** Whether a process still is the launcher, which is executed from memory. */
const isStarting = (pid: number | null) => {
  try {
    return readlinkSync(`/proc/${pid}/exe`).startsWith('/memfd:');
  } catch {
    return false;
  }
};
const soft = (pid: number, title: string) => limitIn(read(pid, 'limits'), title).soft;

describe.skipIf(process.getuid!() !== 0)('what processes inherit (only root undoes all of it)', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
    // A test's directory is its maker's alone; that of a host's supervisor is not.
    chmodSync(world.root, 0o711);
  });
  afterEach(() => world.dispose());

  function fromDirtyWorld(...args: string[]): Promise<Ended> {
    const argv = ['-c', DIRTY, 'dirty', ...args];
    return new Promise((resolve) => {
      execFile('bash', argv, { env: world.env, cwd: world.root }, (error, stdout, stderr) =>
        resolve({ code: (error as { code?: number } | null)?.code ?? 0, stdout, stderr }),
      );
    });
  }

  /** The only agent, once it executes its program: `after: 1ms` may be over before, on a busy machine. */
  const onlyAgent = async () => {
    const [agent] = await world.ps();
    await until(() => !isStarting(agent!.pid), undefined, 'the agent executes its program');
    return agent!;
  };

  function expectServiceLike(pid: number): void {
    expect(stat(pid)[16], 'nice').toBe('0');
    expect(stat(pid)[38], 'scheduling policy').toBe('0');
    expect(read(pid, 'personality')).toBe('00000000');
    expect(read(pid, 'coredump_filter')).toBe('00000033');
    expect(read(pid, 'timerslack_ns')).toBe('50000');
    expect(status(pid, 'Cpus_allowed_list')).toBe(status(1, 'Cpus_allowed_list'));
    expect(soft(pid, 'Max open files')).toBe(1_024);
    expect(soft(pid, 'Max core file size')).toBe(0);
    expect(soft(pid, 'Max nice priority')).toBe(0);
    // As far as the hard limits allow, which are the caller's.
    expect(soft(pid, 'Max stack size')).toBe(4 * MIB);
    expect(soft(pid, 'Max locked memory')).toBe(64 * 1_024);
    expect(soft(pid, 'Max file size')).toBe(2_048 * MIB);
  }

  test('is that of a system service, whoever started the supervisor; doctor names what it cannot be', async () => {
    world.write(
      'fleet.yaml',
      'name: plain\ncommand: [sleep, "100000"]\nready: { after: 1ms }\nrestart: { backoff: { min: 1ms, max: 10ms }, storm: off }\nprepare: [sh, -c, "cat /proc/self/limits > {dir}/limits; nice > {dir}/nice"]\n',
    );
    const ended = await fromDirtyWorld('spawn', '1', '-f', 'fleet.yaml');
    expect(ended.code, ended.stderr).toBe(0);
    const { pid, dir } = await onlyAgent();
    expectServiceLike(pid!);
    expect(readFileSync(`${dir}/nice`, 'utf8')).toBe('0\n');
    const ofHelper = readFileSync(`${dir}/limits`, 'utf8');
    expect(limitIn(ofHelper, 'Max open files').soft).toBe(1_024);
    expect(limitIn(ofHelper, 'Max locked memory').soft).toBe(64 * 1_024);

    // The same after a crash.
    process.kill(pid!, 'SIGKILL');
    await until(async () => {
      const agent = await onlyAgent();
      return agent.state === 'ready' && agent.pid !== pid;
    });
    expectServiceLike((await onlyAgent()).pid!);

    const { findings } = JSON.parse((await world.fleetctl('doctor', '--json')).stdout) as {
      findings: Finding[];
    };
    const named = findings.filter(({ limit }) => limit.startsWith('limits.') && limit !== 'limits.conf');
    expect(named.map(({ limit, verdict, have }) => [limit, verdict, have])).toEqual(
      expect.arrayContaining([
        ['limits.memlock', 'warn', 64 * 1_024],
        ['limits.stack', 'warn', 4 * MIB],
        ['limits.fsize', 'warn', 2_048 * MIB],
      ]),
    );
  });

  test('is what the spec says', async () => {
    world.write(
      'fleet.yaml',
      `name: special
command: [sleep, "100000"]
ready: { after: 1ms }
user: nobody
resources: { nofile: 99 }
limits: { stack: 4M, fsize: 1G, nproc: 4096, core: 1M }
process: { nice: 5, ionice: "best-effort:6", cpus: 0, umask: "027", group: daemon, groups: [bin], oomScoreAdj: 400 }
`,
    );
    await world.ok('spawn', '1', '-f', 'fleet.yaml');
    const { pid } = await onlyAgent();
    const limits = read(pid!, 'limits');
    expect(limitIn(limits, 'Max stack size')).toEqual({ soft: 4 * MIB, hard: 4 * MIB });
    expect(limitIn(limits, 'Max file size')).toEqual({ soft: 1_024 * MIB, hard: 1_024 * MIB });
    expect(limitIn(limits, 'Max processes')).toEqual({ soft: 4_096, hard: 4_096 });
    expect(limitIn(limits, 'Max core file size')).toEqual({ soft: MIB, hard: MIB });
    expect(limitIn(limits, 'Max cpu time').soft).toBe(UNLIMITED);
    expect(soft(pid!, 'Max open files')).toBe(99);
    expect(stat(pid!)[16]).toBe('5');
    expect(status(pid!, 'Cpus_allowed_list')).toBe('0');
    expect(status(pid!, 'Umask')).toBe('0027');
    expect(read(pid!, 'oom_score_adj')).toBe('400');
    expect(status(pid!, 'Gid')).toBe('1\t1\t1\t1');
    expect(status(pid!, 'Groups')?.split(' ')).toContain('2');
    expect(status(pid!, 'NoNewPrivs')).toBe('1');
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'])
      expect(status(pid!, set), set).toBe('0000000000000000');
  });

  test('capabilities: an ordinary user serves port 80, and has no other power', async () => {
    const serve =
      'use IO::Socket::INET; $l = IO::Socket::INET->new(LocalAddr => "127.0.0.1:80", Listen => 1) or die $!; sleep';
    const spec = (more: string) =>
      world.write(
        'fleet.yaml',
        `name: web\ncommand: [perl, -e, '${serve}']\nuser: nobody\nready: { after: 300ms }\nrestart: { on: never }\n${more}\n`,
      );
    spec('');
    expect((await world.fleetctl('spawn', '1', '-f', 'fleet.yaml')).code).not.toBe(0);
    await world.ok('kill', '--all');
    await world.ok('remove', '--purge');
    spec('process: { capabilities: [NET_BIND_SERVICE] }');
    await world.ok('spawn', '1', '-f', 'fleet.yaml');
    const { pid } = await onlyAgent();
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb', 'CapBnd'])
      expect(status(pid!, set), set).toBe('0000000000000400');
    expect(status(pid!, 'Uid')).toBe('65534\t65534\t65534\t65534');
    expect(status(pid!, 'NoNewPrivs')).toBe('1');
  });

  test.each([
    ['process: { nice: -5 }', 5, 'process.nice'],
    ['process: { ionice: "realtime:3" }', 5, 'process.ionice'],
    ['process: { capabilities: [NET_BIND_SERVICE] }', 5, 'process.capabilities'],
    ['process: { group: daemon }', 1, 'process.group: only root'],
    ['user: daemon', 1, 'user: only root'],
  ])('an ordinary user is refused %s, before anything starts', async (keys, code, message) => {
    const ordinary = new World({ HOME: '/nonexistent' }, 65_534);
    try {
      ordinary.write('fleet.yaml', `name: odd\ncommand: [sleep, "1"]\nready: { after: 1ms }\n${keys}\n`);
      const ended = await ordinary.fleetctl('spawn', '1', '-f', 'fleet.yaml');
      expect(ended.stderr).toContain(message);
      expect(ended.code).toBe(code);
      expect((await ordinary.status()).fleets).toEqual([]);
    } finally {
      await ordinary.dispose();
    }
  });

  test('a group that does not exist, and processors that do not, are refused before anything starts', async () => {
    const refusal = async (process: string) => {
      world.write('fleet.yaml', `name: odd\ncommand: [sleep, "1"]\nready: { after: 1ms }\n${process}\n`);
      return world.fleetctl('spawn', '1', '-f', 'fleet.yaml');
    };
    const group = await refusal('process: { groups: [no-such-group] }');
    expect(group.code).toBe(2);
    expect(group.stderr).toContain('process.groups: there is no group "no-such-group"');
    const cpus = await refusal('process: { cpus: 9000 }');
    expect(cpus.code).toBe(5);
    expect(cpus.stderr).toContain('process.cpus');
    expect(await world.ps()).toEqual([]);
  });
});
