import { expect, test } from 'vitest';
import { formatPorts, mergePorts, parsePorts } from '../../src/doctor/ports.ts';
import { renderSysctl, sysctlSettings } from '../../src/doctor/sysctl.ts';
import { sysctlExample } from '../../src/doctor/sysctl-example.ts';
import { diagnose } from '../../src/doctor/table.ts';
import { fleet, GIB, host, hostWith } from './hosts.ts';

const PORTS = {
  ports: { base: 40_000, protocol: 'udp' },
  resources: { memory: { request: '1M' } },
  logs: { to: 'null' },
};
const valueFor = (settings: ReturnType<typeof sysctlSettings>, name: string) =>
  settings.find(({ key }) => key === name)?.value;

test('a drop-in has one setting a line, each with its reason, and nothing else', () => {
  const lines = sysctlExample().trimEnd().split('\n');
  for (const line of lines) expect(line).toMatch(/^(#.*|[a-z0-9_.-]+ = [\d ,-]+|)$/);
  const keys = lines.filter((line) => line.includes(' = ') && !line.startsWith('#'));
  expect(new Set(keys.map((line) => line.split(' ')[0])).size).toBe(keys.length);
  expect(keys.length).toBeGreaterThan(10);
});

test('never lowers what the host has, digit by digit', () => {
  const high = hostWith({
    'kernel.pid_max': '4194304',
    'fs.file-max': '9223372036854775807',
    'net.core.rmem_max': '16777216',
    'net.ipv4.udp_mem': '9000000 1 9000002',
  });
  const settings = sysctlSettings(fleet(100, PORTS), high);
  expect(valueFor(settings, 'kernel.pid_max')).toBe('4194304');
  expect(valueFor(settings, 'fs.file-max')).toBe('9223372036854775807');
  expect(valueFor(settings, 'net.core.rmem_max')).toBe('16777216');
  // Each of the three values by itself.
  expect(valueFor(settings, 'net.ipv4.udp_mem')).toMatch(/^9000000 \d{4,} 9000002$/);
});

test('the same again is computed from a host that has the settings', () => {
  const demand = fleet(20_000, PORTS);
  const first = sysctlSettings(demand, hostWith({ 'kernel.pid_max': '32768', 'fs.file-max': '100000' }));
  const after = hostWith(Object.fromEntries(first.map(({ key, value }) => [key, value])));
  expect(sysctlSettings(demand, after).map(({ key, value }) => [key, value])).toEqual(
    first.map(({ key, value }) => [key, value]),
  );
});

test('reserves the slots’ ports beside those that are reserved', () => {
  const reserved = 'net.ipv4.ip_local_reserved_ports';
  const settings = (before: string) => sysctlSettings(fleet(100, PORTS), hostWith({ [reserved]: before }));
  expect(valueFor(settings(''), reserved)).toBe('40000-40099');
  expect(valueFor(settings('8080,9148,40050-40200'), reserved)).toBe('8080,9148,40000-40200');
  // A fleet without ports leaves what is reserved as it is, and reserves nothing.
  expect(valueFor(sysctlSettings(fleet(100), hostWith({ [reserved]: '8080' })), reserved)).toBe('8080');
  expect(valueFor(sysctlSettings(fleet(100), hostWith({ [reserved]: '' })), reserved)).toBeUndefined();
});

test('conntrack is set only where it is loaded', () => {
  const name = 'net.netfilter.nf_conntrack_max';
  expect(valueFor(sysctlSettings(fleet(100_000, PORTS), host()), name)).toBeUndefined();
  expect(valueFor(sysctlSettings(fleet(100_000), hostWith({ [name]: '65536' })), name)).toBe('524288');
});

test('buffers fit the memory: less for each socket where there are more of them', () => {
  const rmem = (agents: number) =>
    Number(valueFor(sysctlSettings(fleet(agents, PORTS), host()), 'net.core.rmem_default'));
  expect(rmem(10)).toBe(1_048_576);
  expect(rmem(20_000) * 20_000).toBeLessThanOrEqual((64 * GIB) / 8);
  expect(rmem(25_000)).toBeGreaterThanOrEqual(212_992);
});

test.each([100, 3_000, 10_000, 25_000])(
  'after %i agents’ settings the table finds no fault with the kernel',
  (agents) => {
    const bare = hostWith({
      'kernel.pid_max': '32768',
      'kernel.threads-max': '30000',
      'fs.file-max': '20000',
      'fs.inotify.max_user_instances': '128',
      'net.core.somaxconn': '128',
      'net.ipv4.udp_mem': '1000 1000 1000',
    });
    const demand = fleet(agents, { ...PORTS, ports: { base: 33_000, protocol: 'udp' } });
    const settings = sysctlSettings(demand, bare);
    const after = hostWith(Object.fromEntries(settings.map(({ key, value }) => [key, value])));
    const faults = diagnose(demand, after).findings.filter(
      ({ verdict, limit }) => verdict !== 'ok' && /^(kernel|fs|net)\./.test(limit),
    );
    // Ports that the fleet takes away from outgoing connections are nothing that a setting mends.
    expect(
      faults.map(({ limit }) => limit).filter((limit) => limit !== 'net.ipv4.ip_local_port_range'),
    ).toEqual([]);
  },
);

test('ranges of ports are read, joined and written as the kernel does it', () => {
  expect(parsePorts('1,4-6,\t9')).toEqual([
    { first: 1, last: 1 },
    { first: 4, last: 6 },
    { first: 9, last: 9 },
  ]);
  expect(mergePorts(parsePorts('7,5-6,1-2,2-3,10-20,12'))).toEqual([
    { first: 1, last: 3 },
    { first: 5, last: 7 },
    { first: 10, last: 20 },
  ]);
  expect(formatPorts(parsePorts(''))).toBe('');
});

test('a rendered drop-in names what it was computed for', () => {
  expect(renderSysctl([], 'a host of 8 GiB').split('\n')[0]).toContain('a host of 8 GiB');
});
