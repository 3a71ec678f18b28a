import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { diagnose, ENVIRONMENT_CHECKS, LIMITS } from '../../src/doctor/table.ts';
import { DERIVED } from '../../src/reference/derived.ts';
import { cgroup, fleet, hostWith, MEASURED, survey } from '../doctor/hosts.ts';

test.each(Object.entries(DERIVED))('%s is current (bin/generate writes it)', async (path, text) => {
  const file = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
  const read = path.endsWith('.json') ? JSON.parse : String;
  expect(read(file)).toEqual(read(await text()));
});

test('every finding of the doctor is documented under the name that it carries', () => {
  const facts = {
    ...hostWith({
      'vm.overcommit_memory': '2',
      'net.netfilter.nf_conntrack_max': '100',
      'user.max_mnt_namespaces': '100',
      'user.max_user_namespaces': '100',
    }),
    bubblewrap: null,
    used: { tasks: 200, files: 2_000, connections: 10 },
    uid: 1000,
    inherited: { ...hostWith({}).inherited, nice: 5, capabilities: [], confinedBy: [] },
    rlimits: { nofile: { soft: 1_024, hard: 1_024 }, nproc: { soft: 100, hard: 100 } },
    cgroups: [
      cgroup(),
      cgroup({ controller: 'memory', file: 'memory.max' }),
      cgroup({ controller: 'memory', version: 1, file: 'memory.limit_in_bytes' }),
    ],
    namespaces: ['pid'],
    survey: survey({
      lookAlikes: [7],
      startups: [{ file: '/etc/crontab', line: 3, text: '@reboot pilot' }],
      systemd: {
        version: 252,
        userTasksMax: { file: '/etc/systemd/logind.conf', line: 1, text: 'UserTasksMax=1' },
        defaultTasksMax: null,
        limitsConf: { file: '/etc/security/limits.conf', line: 1, text: '* hard nofile 1' },
        linger: false,
      },
    }),
  };
  const spec = {
    ports: { base: 10_000 },
    addresses: { base: '127.16.0.0/16' },
    logs: { to: 'journal' },
    limits: { memlock: 'unlimited' },
    sandbox: {},
  };
  const directories = { stateDir: '/var/lib/fleetd', runtimeDir: '/run/fleetd' };
  const measured = { ...MEASURED, tcpSockets: 1, udpSockets: 1 };
  const { findings } = diagnose(fleet(6_000, spec, { directories, running: 32, measured }), facts);
  const entries = [...LIMITS, ...ENVIRONMENT_CHECKS].flatMap(({ limits }) => limits);
  const found = new Set(
    findings.map(
      ({ limit }) =>
        entries.find((name) => name === limit) ?? entries.find((name) => named(name, limit)) ?? limit,
    ),
  );
  // Only an old systemd itself is not on this host.
  expect(found).toEqual(new Set(entries.filter((name) => name !== 'systemd version')));
});

/** Whether a finding carries the documented name, in which … stands for what varies. */
function named(name: string, limit: string): boolean {
  const [head, tail] = name.split('…') as [string, string?];
  return tail === undefined ? limit === head : limit.startsWith(head) && limit.endsWith(tail);
}
