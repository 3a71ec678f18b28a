import { describe, expect, test } from 'vitest';
import { combine } from '../../src/doctor/demand.ts';
import type { HostSurvey, Startup } from '../../src/doctor/facts.ts';
import { diagnose } from '../../src/doctor/table.ts';
import { cgroup, findingOf, fleet, GIB, host, hostWith, MEASURED, survey, troubles } from './hosts.ts';

const MIB = 2 ** 20;
const SMALL = { resources: { memory: { request: '1M' } }, logs: { to: 'null' } };

test('finds nothing in the way of a fleet that fits', () => {
  expect(troubles(fleet(10_000, SMALL), host({ survey: survey() }))).toEqual([]);
});

test('every finding says where its value comes from and why, and has a fix where it is not ok', () => {
  const hard = host({
    sysctls: {
      ...host().sysctls,
      'kernel.pid_max': '4096',
      'net.core.somaxconn': '128',
      'vm.overcommit_memory': '2',
    },
    cgroups: [cgroup()],
    namespaces: ['pid'],
    survey: survey({ lookAlikes: [7] }),
  });
  for (const finding of diagnose(fleet(60_000, { ports: { base: 10_000, protocol: 'udp' } }), hard)
    .findings) {
    expect(finding.source, finding.limit).not.toBe('');
    expect(finding.why, finding.limit).toMatch(/^\S.*[.…\w]$/s);
    expect(finding.fix === null, finding.limit).toBe(finding.verdict === 'ok');
    expect(JSON.stringify(finding), finding.limit).not.toMatch(/NaN|Infinity|undefined/);
  }
});

describe('a limit that agents share with all else', () => {
  const facts = hostWith({ 'kernel.pid_max': '4096' });

  test('allows what is left beside what is used', () => {
    // 200 tasks run; so 3,896 agents of one task fit.
    expect(findingOf('kernel.pid_max', fleet(3_896), facts)).toMatchObject({
      verdict: 'ok',
      needed: 4096,
      have: 4096,
      agentsMax: 3896,
    });
    expect(findingOf('kernel.pid_max', fleet(3_897), facts)).toMatchObject({
      verdict: 'fail',
      needed: 4097,
      agentsMax: 3896,
    });
  });

  test('does not count the agents that run twice', () => {
    const running = { ...facts, used: { ...facts.used, tasks: 1_200 } };
    expect(findingOf('kernel.pid_max', fleet(3_896, null, { running: 1_000 }), running)).toMatchObject({
      verdict: 'ok',
      agentsMax: 3896,
    });
  });

  test('counts the threads of agents that were measured', () => {
    const demand = fleet(1_000, null, { running: 10, measured: { ...MEASURED, tasks: 5 } });
    // 200 of which 50 are the agents'; 3,946 / 5.
    expect(findingOf('kernel.pid_max', demand, facts)).toMatchObject({
      verdict: 'fail',
      needed: 5150,
      agentsMax: 789,
    });
  });

  test('is silent where the host does not have it', () => {
    const without = diagnose(fleet(10), hostWith({ 'kernel.pid_max': undefined }));
    expect(without.findings.map(({ limit }) => limit)).not.toContain('kernel.pid_max');
  });
});

describe('the first ceiling', () => {
  test('names the lowest of all limits', () => {
    const facts = host({
      cgroups: [cgroup(), cgroup({ directory: '/sys/fs/cgroup/user.slice', value: 9_000, used: 500 })],
    });
    expect(diagnose(fleet(3_000, SMALL), facts).ceiling).toEqual({
      agents: 4096,
      limit: 'pids.max of user-1000.slice',
    });
  });

  test('is reckoned with the least that is sure where a figure is only assumed', () => {
    // 10M an agent is assumed, 120K is sure: 6,400 agents of 10M would not fit, and nobody knows whether they are so large.
    const { ceiling, findings } = diagnose(fleet(6_400), host());
    expect(findings.find(({ limit }) => limit === 'memory')).toMatchObject({ verdict: 'warn' });
    expect(ceiling!.agents).toBeGreaterThan(60_000);
  });
});

describe('pids.max of a cgroup', () => {
  const about = (changes: object) =>
    diagnose(fleet(5_000), host({ cgroups: [cgroup(changes)], survey: survey() })).findings.find(
      ({ limit }) => limit.startsWith('pids.max'),
    )!;

  test('of a user’s slice is TasksMax of user-.slice', () => {
    expect(about({})).toMatchObject({
      limit: 'pids.max of user-1000.slice',
      verdict: 'fail',
      agentsMax: 4096,
    });
    expect(about({}).source).toMatch(/^TasksMax= of user-\.slice \(.*33 %/);
    expect(about({}).fix).toMatch(/user-\.slice\.d.*TasksMax=infinity/);
  });

  test('of a service or a scope is its TasksMax or the default', () => {
    const directory = '/sys/fs/cgroup/system.slice/fleet.service';
    expect(about({ directory }).source).toMatch(/TasksMax= of fleet\.service, else DefaultTasksMax=/);
    expect(about({ directory }).fix).toContain('systemctl edit fleet.service');
    expect(
      about({ directory: '/sys/fs/cgroup/pids/user.slice/user-0.slice/session-3.scope', version: 1 }).fix,
    ).toContain('set-property --runtime session-3.scope');
  });

  test('of a container is the container’s', () => {
    const directory = '/sys/fs/cgroup/system.slice/docker-4f2a.scope';
    expect(about({ directory }).fix).toContain('--pids-limit');
  });

  test('of no unit is named by its directory', () => {
    expect(about({ directory: '/sys/fs/cgroup/pids/batch' }).limit).toBe(
      'pids.max of /sys/fs/cgroup/pids/batch',
    );
  });

  test('warns only, and is no ceiling, where root’s supervisor leaves it', () => {
    expect(about({ isLeft: true })).toMatchObject({ verdict: 'warn', agentsMax: null });
  });
});

describe('RLIMIT_NPROC', () => {
  const rlimits = { ...host().rlimits, nproc: { soft: 1_000, hard: 1_000 } };

  test('does not bind root', () => {
    expect(findingOf('RLIMIT_NPROC', fleet(5_000), host({ rlimits }))).toMatchObject({
      verdict: 'ok',
      agentsMax: null,
    });
  });

  test('binds a user with all that it runs', () => {
    const facts = host({ rlimits, uid: 1000, survey: survey({ tasksOfUser: { 1000: 40, 0: 900 } }) });
    expect(findingOf('RLIMIT_NPROC', fleet(961), facts)).toMatchObject({ verdict: 'fail', agentsMax: 960 });
  });

  test('binds the agents that root starts as another user', () => {
    expect(findingOf('RLIMIT_NPROC', fleet(1_001, { user: 'pilot' }), host({ rlimits }))).toMatchObject({
      verdict: 'fail',
    });
  });

  test('is each slot’s own where each has a user', () => {
    expect(
      findingOf('RLIMIT_NPROC', fleet(5_000, { user: { base: 100_000 } }), host({ rlimits })),
    ).toMatchObject({ verdict: 'ok' });
  });
});

describe('open files', () => {
  test('the supervisor has one for each agent of every fleet, and 256 of its own', () => {
    const facts = host({ rlimits: { ...host().rlimits, nofile: { soft: 1_000, hard: 1_000 } } });
    expect(findingOf('RLIMIT_NOFILE', fleet(744), facts)).toMatchObject({
      verdict: 'ok',
      needed: 1000,
      agentsMax: 744,
    });
    expect(findingOf('RLIMIT_NOFILE', fleet(745), facts)).toMatchObject({ verdict: 'fail' });
    expect(findingOf('RLIMIT_NOFILE', fleet(745, null, { others: 100 }), facts)).toMatchObject({
      agentsMax: 644,
    });
  });

  test('an agent cannot get more than the hard limit, unless root raises it', () => {
    const demand = fleet(10, { resources: { nofile: 70_000 } });
    const ordinary = host({ inherited: { ...host().inherited, capabilities: [] } });
    expect(findingOf('resources.nofile', demand, ordinary)).toMatchObject({
      verdict: 'fail',
      needed: 70_000,
      have: 65_536,
    });
    expect(findingOf('resources.nofile', demand, host()).verdict).toBe('ok');
    expect(troubles(demand, hostWith({ 'fs.nr_open': '69999' }))).toEqual(['fail fs.nr_open']);
  });

  test('several fleets are each judged for what they do not share', () => {
    const ordinary = host({ inherited: { ...host().inherited, capabilities: [] } });
    const greedy = fleet(5, { resources: { nofile: 70_000 }, process: { nice: -5 } });
    const boxed = fleet(5, { sandbox: {} });
    const together = combine([fleet(10, {}), greedy, greedy, boxed, boxed]);
    expect(troubles(together, ordinary)).toEqual(['fail resources.nofile', 'fail process.nice']);
    expect(findingOf('resources.nofile', combine([fleet(1, {}), boxed]), host()).verdict).toBe('ok');
    const few = host({ bubblewrap: null, sysctls: { ...host().sysctls, 'user.max_mnt_namespaces': '9' } });
    expect(troubles(together, few)).toEqual(['fail user.max_mnt_namespaces', 'fail sandbox']);
  });

  test('warns of agents that come near the limit they inherit', () => {
    const demand = fleet(10, null, { measured: { ...MEASURED, files: 1_500 } });
    expect(findingOf('resources.nofile', demand, host())).toMatchObject({ verdict: 'warn', have: 1024 });
  });

  test('fs.file-max does not bind root, and does bind other users', () => {
    const facts = hostWith({ 'fs.file-max': '10000' });
    expect(findingOf('fs.file-max', fleet(9_000), facts).verdict).toBe('warn');
    expect(findingOf('fs.file-max', fleet(9_000, { user: 'pilot' }), facts).verdict).toBe('fail');
  });

  test('inotify instances are a matter of those who use them', () => {
    const facts = hostWith({ 'fs.inotify.max_user_instances': '128' });
    const name = 'fs.inotify.max_user_instances';
    expect(findingOf(name, fleet(1_000), facts).verdict).toBe('warn');
    expect(findingOf(name, fleet(1_000, null, { measured: MEASURED }), facts).verdict).toBe('ok');
    const watching = { ...MEASURED, inotifyInstances: 1 };
    expect(findingOf(name, fleet(1_000, null, { measured: watching }), facts)).toMatchObject({
      verdict: 'warn',
      agentsMax: 128,
    });
  });
});

describe('memory', () => {
  test('keeps headroom and counts what others use', () => {
    // 64 GiB − 6.4 headroom − 2 used = 55.6 GiB.
    const demand = fleet(1_000, { resources: { memory: { request: '64M' } } });
    expect(findingOf('memory', demand, host())).toMatchObject({
      verdict: 'warn',
      agentsMax: Math.floor((55.6 * GIB) / (64 * MIB)),
    });
  });

  test('takes what was measured before what was asked for', () => {
    const demand = fleet(1_000, { resources: { memory: { request: '64M' } } }, { measured: MEASURED });
    expect(findingOf('memory', demand, host()).why).toMatch(/^4\.1M per agent \(PSS of 32 of them/);
  });

  test('fails where not even swap would hold what is measured', () => {
    const demand = fleet(1_000, null, { measured: { ...MEASURED, memoryBytes: 70 * MIB } });
    expect(findingOf('memory', demand, host()).verdict).toBe('fail');
    const swap = { ...host().memory, swapTotalBytes: 16 * GIB };
    expect(findingOf('memory', demand, host({ memory: swap })).verdict).toBe('warn');
  });

  test('is bounded by a cgroup too', () => {
    const limit = cgroup({
      controller: 'memory',
      file: 'memory.max',
      value: GIB,
      used: GIB,
      directory: '/sys/fs/cgroup/system.slice/a.service',
    });
    const demand = fleet(500, null, { measured: MEASURED });
    expect(findingOf('memory.max of a.service', demand, host({ cgroups: [limit] }))).toMatchObject({
      verdict: 'fail',
      agentsMax: 248,
    });
  });

  test('is promised no further than CommitLimit under strict overcommit', () => {
    const demand = fleet(9_000, null, { measured: MEASURED });
    expect(findingOf('vm.overcommit_memory', demand, hostWith({ 'vm.overcommit_memory': '2' })).verdict).toBe(
      'fail',
    );
    expect(troubles(demand, host())).toEqual([]);
  });
});

describe('the network', () => {
  const ports = (base: number) => ({ ...SMALL, ports: { base, protocol: 'udp' } });

  test('udp_mem counts pages', () => {
    // 10,000 sockets × 212,992 bytes = 520,000 pages of 4,096.
    const at = (first: string) => hostWith({ 'net.ipv4.udp_mem': `${first} 9000000 9000000` });
    expect(findingOf('net.ipv4.udp_mem', fleet(10_000, ports(10_000)), at('520000'))).toMatchObject({
      verdict: 'ok',
      needed: 520_000,
    });
    expect(findingOf('net.ipv4.udp_mem', fleet(10_000, ports(10_000)), at('519999')).verdict).toBe('warn');
  });

  test('a default buffer is a promise of memory for every socket', () => {
    const facts = hostWith({ 'net.core.rmem_default': '4194304' });
    expect(findingOf('net.core.rmem_default', fleet(3_000, ports(10_000)), facts).verdict).toBe('ok');
    expect(findingOf('net.core.rmem_default', fleet(5_000, ports(10_000)), facts)).toMatchObject({
      verdict: 'warn',
      needed: Math.floor((16 * GIB) / 5_000),
    });
  });

  test('the slots’ ports must be reserved where outgoing connections take theirs', () => {
    const name = 'net.ipv4.ip_local_reserved_ports';
    expect(findingOf(name, fleet(1_000, ports(10_000)), host()).verdict).toBe('ok');
    const finding = findingOf(name, fleet(1_000, ports(32_000)), hostWith({ [name]: '8080,32900-32999' }));
    expect(finding).toMatchObject({ verdict: 'warn', needed: '32000-32999' });
    expect(finding.why).toMatch(/^132 ports/);
    expect(finding.fix).toContain("'8080,32000-32999'");
    expect(findingOf(name, fleet(1_000, ports(32_000)), hostWith({ [name]: '32768-33000' })).verdict).toBe(
      'ok',
    );
  });

  test('warns where the fleet leaves no port to outgoing connections', () => {
    expect(findingOf('net.ipv4.ip_local_port_range', fleet(28_000, ports(32_768)), host())).toMatchObject({
      verdict: 'warn',
      have: 232,
    });
  });

  test('every port must exist', () => {
    expect(findingOf('ports', fleet(5_536, ports(60_000)), host())).toMatchObject({
      verdict: 'ok',
      agentsMax: 5536,
    });
    expect(findingOf('ports', fleet(5_537, ports(60_000)), host()).verdict).toBe('fail');
  });

  test('no port may be served by somebody else', () => {
    const at = (port: number) => ({ port, address: '0.0.0.0' });
    const udp = [10_000, 10_002, 30_000].map(at);
    const facts = host({ survey: survey({ served: { tcp: [at(10_001)], udp } }) });
    const demand = fleet(100, ports(10_000), { ownSlots: new Set([0]) });
    expect(findingOf('ports in use', demand, facts)).toMatchObject({ verdict: 'fail', have: 'udp 10002' });
    expect(findingOf('ports in use', fleet(2, ports(10_001)), facts)).toMatchObject({ have: 'udp 10002' });
  });

  describe('with addresses', () => {
    const SAME = { addresses: { base: '127.16.0.0/24' }, ports: { same: 8000, protocol: 'tcp' } };
    const serving = (...addresses: string[]) =>
      host({
        survey: survey({ served: { tcp: addresses.map((address) => ({ port: 8000, address })), udp: [] } }),
      });

    test.each([
      ['of another slot', ['127.16.0.4', '127.0.0.1'], 'none in use'],
      ['of a slot', ['127.16.0.3'], 'tcp 127.16.0.3:8000'],
      ['that takes all', ['0.0.0.0'], 'tcp 0.0.0.0:8000'],
      ['that takes all, of both families', ['::'], 'tcp [::]:8000'],
      ['of a slot that runs', ['127.16.0.1'], 'none in use'],
    ])('no place may be served by somebody else: an address %s', (_, addresses, have) => {
      const demand = fleet(3, SAME, { ownSlots: new Set([0]) });
      expect(findingOf('ports in use', demand, serving(...addresses))).toMatchObject({ have });
    });

    test('the block must have an address for every slot, and the host must have all of them', () => {
      expect(findingOf('addresses', fleet(254, SAME), host())).toMatchObject({
        verdict: 'ok',
        agentsMax: 254,
      });
      expect(findingOf('addresses', fleet(255, SAME), host())).toMatchObject({ verdict: 'fail' });
      const elsewhere = { ...SAME, addresses: { base: '10.9.0.0/16' } };
      const facts = (missingAddresses: string[]) => host({ survey: survey({ missingAddresses }) });
      const name = 'addresses of this host';
      expect(findingOf(name, fleet(2, elsewhere), facts([])).verdict).toBe('ok');
      expect(findingOf(name, fleet(2, elsewhere), facts(['10.9.0.1', '10.9.0.2']))).toMatchObject({
        verdict: 'fail',
        have: 'not 10.9.0.1, nor 1 more',
        fix: 'ip route add local 10.9.0.0/16 dev lo, now and at every boot',
      });
    });
  });

  test('conntrack counts only where it is loaded', () => {
    const name = 'net.netfilter.nf_conntrack_max';
    const facts = { ...hostWith({ [name]: '5000' }), used: { ...host().used, connections: 100 } };
    expect(findingOf(name, fleet(4_900, ports(10_000)), facts).verdict).toBe('ok');
    expect(findingOf(name, fleet(4_901, ports(10_000)), facts).verdict).toBe('warn');
  });

  test('a listener must be able to queue all agents', () => {
    const facts = hostWith({ 'net.core.somaxconn': '128' });
    expect(findingOf('net.core.somaxconn', fleet(128), facts).verdict).toBe('ok');
    expect(findingOf('net.core.somaxconn', fleet(129), facts).verdict).toBe('warn');
  });
});

describe('the state and the runtime directory', () => {
  const disk = (changes: object) =>
    host({ disks: [{ holds: 'state', path: '/srv', freeBytes: GIB, freeInodes: 1_000, ...changes }] });

  test('need space for each log and the one before', () => {
    expect(findingOf('space of the state directory', fleet(512, {}), disk({})).verdict).toBe('ok');
    expect(findingOf('space of the state directory', fleet(513, {}), disk({})).verdict).toBe('warn');
    expect(findingOf('space of the state directory', fleet(513, {}, { running: 1 }), disk({})).verdict).toBe(
      'ok',
    );
    expect(findingOf('space of the state directory', fleet(10, {}), disk({ freeBytes: 1_000 })).verdict).toBe(
      'fail',
    );
  });

  test('need inodes, where a file system has only so many', () => {
    expect(findingOf('inodes of the state directory', fleet(501, {}), disk({}))).toMatchObject({
      verdict: 'fail',
      agentsMax: 500,
    });
    expect(troubles(fleet(501, SMALL), disk({ freeInodes: null }))).toEqual([]);
  });

  test('hold the path of the longest socket', () => {
    // 107 bytes hold /…/pilot/N/agent.sock with two digits for N, not with three.
    const directories = {
      stateDir: '/s',
      runtimeDir: `/${'r'.repeat(107 - '//pilot/99/agent.sock'.length)}`,
    };
    expect(findingOf('socket path', fleet(100, {}, { directories }), host())).toMatchObject({
      verdict: 'ok',
      needed: 107,
      agentsMax: 100,
    });
    expect(findingOf('socket path', fleet(101, {}, { directories }), host())).toMatchObject({
      verdict: 'fail',
      needed: 108,
    });
  });

  test('journald takes 4,096 streams', () => {
    expect(findingOf('journald streams', fleet(4_096, { logs: { to: 'journal' } }), host()).verdict).toBe(
      'ok',
    );
    expect(findingOf('journald streams', fleet(4_097, { logs: { to: 'journal' } }), host()).verdict).toBe(
      'fail',
    );
  });
});

describe('what surrounds a fleet', () => {
  const line = (file: string, text: string) => ({ file, line: 3, text });
  const systemd = (changes: Partial<NonNullable<HostSurvey['systemd']>>) =>
    host({
      survey: survey({
        systemd: {
          version: 252,
          linger: null,
          userTasksMax: null,
          limitsConf: null,
          defaultTasksMax: null,
          ...changes,
        },
      }),
    });

  test('namespaces hide what binds outside', () => {
    expect(
      findingOf('namespaces', fleet(10), host({ namespaces: ['cgroup', 'pid'], container: 'docker' })),
    ).toMatchObject({ verdict: 'warn', have: 'cgroup, pid' });
  });

  test('UserTasksMax= means nothing since systemd 239, and everything before', () => {
    const userTasksMax = line('/etc/systemd/logind.conf', 'UserTasksMax=50000');
    expect(troubles(fleet(10), systemd({ userTasksMax }))).toEqual(['warn UserTasksMax']);
    expect(troubles(fleet(10), systemd({ userTasksMax, version: 237 }))).toEqual(['warn systemd version']);
  });

  test('limits.conf does not reach services', () => {
    const limitsConf = line('/etc/security/limits.conf', '* hard nofile 100000');
    expect(findingOf('limits.conf', fleet(10), systemd({ limitsConf }))).toMatchObject({
      verdict: 'warn',
      source: '/etc/security/limits.conf:3',
    });
  });

  test('a user’s services need linger', () => {
    expect(findingOf('linger', fleet(10), systemd({ linger: false })).verdict).toBe('warn');
    expect(findingOf('linger', fleet(10), systemd({ linger: true })).verdict).toBe('ok');
    expect(troubles(fleet(10), systemd({ linger: null }))).toEqual([]);
  });

  test('strays and second start-up scripts are named', () => {
    const facts = host({
      survey: survey({ lookAlikes: [11, 12], startups: [line('/etc/rc.local', 'fleetctl spawn 10')] }),
    });
    expect(findingOf('strays', fleet(10), facts)).toMatchObject({
      verdict: 'warn',
      have: 2,
      source: 'pid 11, 12',
    });
    expect(findingOf('start-up script', fleet(10), facts)).toMatchObject({
      verdict: 'warn',
      have: 'fleetctl spawn 10',
      source: '/etc/rc.local:3',
    });
  });

  test('a start-up script is one finding, however often it starts the fleet, and so are all beyond the tenth', () => {
    const found = (startups: Startup[]) =>
      diagnose(fleet(10), host({ survey: survey({ startups }) })).findings.filter(
        ({ limit }) => limit === 'start-up script',
      );
    const inOne = Array.from({ length: 8 }, (_, i) => ({
      file: '/etc/init.d/web',
      line: i + 3,
      text: `web ${i}`,
    }));
    expect(found([...inOne, line('/etc/rc.local', 'fleetctl spawn 10')])).toMatchObject([
      { have: 'web 0 (the first of 8 such lines)', source: '/etc/init.d/web:3, 4, 5, 6, 7, 8 …' },
      { source: '/etc/rc.local:3' },
    ]);
    const many = found(Array.from({ length: 13 }, (_, i) => line(`/etc/cron.d/${i}`, 'fleetctl spawn 10')));
    expect(many).toHaveLength(11);
    expect(many[10]).toMatchObject({
      have: '3 more',
      source: '/etc/cron.d/10, /etc/cron.d/11, /etc/cron.d/12',
    });
  });
});
