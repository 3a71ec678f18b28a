import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { watch } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { demandOf } from '../../src/doctor/demand.ts';
import { diagnose } from '../../src/doctor/table.ts';
import { measureAgents } from '../../src/host/facts/agents.ts';
import { readHostFacts } from '../../src/host/facts/facts.ts';
import { startupsIn } from '../../src/host/facts/startups.ts';
import { readSurvey } from '../../src/host/facts/survey.ts';
import { getLimit } from '../../src/host/sys/rlimit.ts';
import { CONTAINER, Fixture, SYSTEMD_HOST } from './fixture.ts';

const directories = { stateDir: '/var/lib/fleetd', runtimeDir: '/run/fleetd' };
const GIB = 2 ** 30;
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

function fixture(files: Record<string, string>): Fixture {
  const made = new Fixture(files);
  cleanups.push(() => made.dispose());
  return made;
}

function surveyOf(files: Record<string, string>, more: { uid?: number; executable?: string } = {}) {
  const { root } = fixture(files);
  const { uid = 1000, executable = null } = more;
  return readSurvey({ uid, userName: 'ann', executable, agents: new Set(), root });
}

describe('a systemd host, from a user’s session', () => {
  const facts = () => readHostFacts({ directories, root: fixture(SYSTEMD_HOST).root });

  test('has the limits of every cgroup above, the innermost first', () => {
    const { cgroups } = facts();
    expect(cgroups.map(({ directory, file, value, used }) => [directory, file, value, used])).toEqual([
      ['/sys/fs/cgroup/user.slice/user-1000.slice', 'pids.max', 10_813, 25],
      ['/sys/fs/cgroup/user.slice/user-1000.slice', 'memory.max', 8 * GIB, 1_048_576],
    ]);
  });

  test('is read field by field', () => {
    expect(facts()).toMatchObject({
      uid: 1000,
      memory: { totalBytes: 65_775_372 * 1024, swapTotalBytes: 1_024_000_000 },
      used: { tasks: 345, files: 1500, connections: null },
      rlimits: { nofile: { soft: 1024, hard: 524_288 }, nproc: { soft: 31_202, hard: 31_202 } },
      inherited: { nice: 0, capabilities: [], confinedBy: [] },
      namespaces: [],
      container: null,
    });
    expect(facts().sysctls).toMatchObject({
      'fs.file-max': '9223372036854775807',
      'net.ipv4.udp_mem': '1527000 2036000 3054000',
    });
    expect(facts().sysctls).not.toHaveProperty(['net.core.somaxconn']);
  });

  test('stops at what its slice allows', () => {
    const { ceiling, findings } = diagnose(demandOf({ spec: null, agents: 12_000 }), facts());
    expect(ceiling).toEqual({ agents: 10_788, limit: 'pids.max of user-1000.slice' });
    expect(findings.find(({ limit }) => limit === ceiling!.limit)?.verdict).toBe('fail');
  });

  test('keeps nobody who is root: its supervisor leaves the session', () => {
    const root = fixture({ ...SYSTEMD_HOST, '/proc/self/status': 'Uid:\t0\t0\t0\t0\n' }).root;
    const [pids] = readHostFacts({ directories, root }).cgroups;
    expect(pids).toMatchObject({ isLeft: true });
  });
});

test('a supervisor’s own tree sets the fleet’s limits, not the host’s', () => {
  const files = {
    ...SYSTEMD_HOST,
    '/proc/77/cgroup': '0::/fleetd-0123456789ab/web/3\n',
    '/proc/77/status': 'Uid:\t0\t0\t0\t0\n',
    '/sys/fs/cgroup/fleetd-0123456789ab/web/3/pids.max': '64\n',
    '/sys/fs/cgroup/fleetd-0123456789ab/pids.max': '6400\n',
  };
  expect(readHostFacts({ directories, pids: [77], root: fixture(files).root }).cgroups).toEqual([]);
});

test.each([
  [{}, '0-15'],
  [{ '/sys/fs/cgroup/user.slice/user-1000.slice/cpuset.cpus.effective': '2-3\n' }, '2-3'],
  [{ '/sys/fs/cgroup/cpuset.cpus.effective': '0-7\n' }, '0-7'],
])('processors are those of the nearest cpuset, else of the host: %j', (files, expected) => {
  const online = { '/sys/devices/system/cpu/online': '0-15\n' };
  const { root } = fixture({ ...SYSTEMD_HOST, ...online, ...files });
  expect(readHostFacts({ directories, root }).inherited.cpus).toBe(expected);
});

describe('a container', () => {
  const facts = () => readHostFacts({ directories, root: fixture(CONTAINER).root });

  test('shows the limits of cgroup v1 where it is mounted, and not those that are none', () => {
    expect(
      facts().cgroups.map(({ version, directory, file, value }) => [version, directory, file, value]),
    ).toEqual([
      [1, '/sys/fs/cgroup/pids', 'pids.max', 512],
      [1, '/sys/fs/cgroup/memory', 'memory.limit_in_bytes', 2 * GIB],
    ]);
  });

  test('is told by its namespaces', () => {
    expect(facts()).toMatchObject({ uid: 0, namespaces: ['cgroup', 'pid'], container: 'docker' });
  });
});

describe('a survey', () => {
  test('knows systemd by its files: version, traps, and who lingers', () => {
    const { systemd } = surveyOf(SYSTEMD_HOST);
    expect(systemd).toEqual({
      version: 252,
      linger: false,
      userTasksMax: { file: '/etc/systemd/logind.conf', line: 3, text: 'UserTasksMax=50000' },
      limitsConf: { file: '/etc/security/limits.conf', line: 2, text: '*  hard  nofile  100000' },
      defaultTasksMax: {
        file: '/etc/systemd/system.conf.d/10-tasks.conf',
        line: 2,
        text: 'DefaultTasksMax=30%',
      },
    });
    expect(surveyOf({ ...SYSTEMD_HOST, '/var/lib/systemd/linger/ann': '' }).systemd?.linger).toBe(true);
    expect(surveyOf(SYSTEMD_HOST, { uid: 0 }).systemd?.linger).toBeNull();
    expect(surveyOf({ '/proc/loadavg': '' }).systemd).toBeNull();
  });

  test('counts a user’s tasks and finds the fleet’s executable, agents left out', () => {
    const process = (uid: number, threads: number) => `Uid:\t${uid}\t${uid}\nThreads:\t${threads}\n`;
    const executable = '/opt/pilot';
    const found = surveyOf(
      {
        '/proc/10/status': process(1000, 3),
        '/proc/10/exe': `→ ${executable}`,
        '/proc/11/status': process(1000, 1),
        '/proc/11/exe': `→ ${executable}`,
        '/proc/11/cgroup': '0::/fleetd-0123456789ab/pilot/4\n',
        '/proc/12/status': process(0, 7),
        '/proc/12/exe': '→ /usr/bin/bash',
      },
      { executable },
    );
    expect(found).toMatchObject({ tasksOfUser: { 0: 7, 1000: 4 }, lookAlikes: [10] });
  });

  test('finds what else starts the fleet, and leaves comments, watchdogs and our own units alone', () => {
    const { startups } = surveyOf(
      {
        '/etc/rc.local':
          '#!/bin/sh\n# fleetctl spawn 10\n/usr/bin/fleetctl --json spawn 10 -f /etc/fleet.yaml\n',
        '/etc/cron.d/fleet': '* * * * * root fleetctl watchdog\n@reboot root cd /opt && ./pilot -x\n',
        '/var/spool/cron/crontabs/ann': '@reboot /opt/autopilot\n',
        '/etc/systemd/system/fleetd-boot.service': 'ExecStart=/usr/bin/fleetctl spawn\n',
        '/etc/systemd/system/old-pilot.service': '[Service]\nExecStart=/opt/pilot\n',
      },
      { executable: '/opt/pilot' },
    );
    expect(startups.map(({ file, line }) => `${file}:${line}`)).toEqual([
      '/etc/rc.local:3',
      '/etc/cron.d/fleet:2',
      '/etc/systemd/system/old-pilot.service:2',
    ]);
  });

  test('knows which ports are served', () => {
    expect(surveyOf(SYSTEMD_HOST).served).toEqual({
      tcp: [{ port: 10_000, address: '127.0.0.1' }],
      udp: [],
    });
  });
});

test('a script of the cloud is searched like a file', () => {
  expect(startupsIn('#! /bin/bash\napt-get update\nfleetctl spawn 3000\n', 'http://m/x', null)).toEqual([
    { file: 'http://m/x', line: 3, text: 'fleetctl spawn 3000' },
  ]);
});

describe('this host', () => {
  test('is read without a gap, and quickly enough for every spawn', () => {
    const facts = readHostFacts({ directories });
    expect(facts.uid).toBe(process.geteuid!());
    expect(facts.rlimits.nofile).toEqual(getLimit('nofile'));
    expect(facts.used.tasks).toBeGreaterThan(10);
    expect(facts.memory.totalBytes).toBeGreaterThan(facts.memory.availableBytes);
    expect(facts.disks.map(({ holds }) => holds)).toEqual(['state', 'runtime']);
    for (const name of ['kernel.pid_max', 'kernel.threads-max', 'fs.file-max', 'net.ipv4.udp_mem'] as const)
      expect(facts.sysctls[name], name).toMatch(/^\d[\d ]*$/);
  });

  test('measures what agents take: threads, files, sockets, watches, memory', async () => {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const watcher = watch('/tmp', () => {});
    cleanups.push(
      () => socket.close(),
      () => watcher.close(),
    );
    const own = measureAgents([process.pid])!;
    expect(own).toMatchObject({ agents: 1, udpSockets: 1 });
    expect(own.tasks).toBeGreaterThan(4);
    expect(own.files).toBeGreaterThan(10);
    expect(own.memoryBytes).toBeGreaterThan(10 * 2 ** 20);
    expect(own.inotifyInstances).toBeGreaterThanOrEqual(1);
    expect(own.inotifyWatches).toBeGreaterThanOrEqual(1);
    // Quickly: without a look at descriptors.
    expect(measureAgents([process.pid], { isQuick: true })).toMatchObject({ files: null, udpSockets: null });
  });

  test('measures the average of a sample, and nothing of what is gone', () => {
    const child = spawn('sleep', ['1000']);
    cleanups.push(() => child.kill('SIGKILL'));
    expect(measureAgents([child.pid!])).toMatchObject({
      agents: 1,
      tasks: 1,
      tcpSockets: 0,
      inotifyInstances: 0,
    });
    expect(measureAgents(Array.from({ length: 100 }, () => child.pid!))?.agents).toBe(32);
    expect(measureAgents([child.pid!, 2 ** 22 - 1])?.agents).toBe(1);
    expect(measureAgents([2 ** 22 - 1])).toBeNull();
    expect(measureAgents([])).toBeNull();
  });
});
