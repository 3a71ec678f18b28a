import { expect, test } from 'vitest';
import { diagnose, firstCeiling } from '../../src/doctor/table.ts';
import { describeCeiling, describeDiagnosis, describeRefusal } from '../../src/doctor/text.ts';
import { wrap } from '../../src/doctor/wrap.ts';
import { cgroup, findingOf, fleet, host, survey } from './hosts.ts';

const plain = (_verdict: string, text: string) => text;
const facts = host({ cgroups: [cgroup()], survey: survey({ lookAlikes: [4711] }) });

test('shows what fails before what warns, both in full, and what is well in a line', () => {
  const text = describeDiagnosis(diagnose(fleet(5_000, { logs: { to: 'null' } }), facts), plain);
  const heads = text.split('\n').filter((line) => /^\S/.test(line));
  expect(heads[0]).toBe('FAIL  pids.max of user-1000.slice       needs 5,010, has 4,106');
  expect(heads[1]).toMatch(/^WARN {2}strays/);
  expect(heads.filter((line) => line.startsWith('ok')).length).toBeGreaterThan(10);
  expect(text).toContain('\n      fix: systemctl set-property --runtime user-1000.slice');
  const words = text.replaceAll(/\s+/g, ' ');
  expect(words).toMatch(
    /5,000 agents cannot work on this host: 1 limit exceeded, 1 warning\. This host allows at most 4,096 agents, limited by pids\.max of user-1000\.slice\.$/,
  );
  for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
});

test('says that agents can work where nothing fails', () => {
  expect(describeDiagnosis(diagnose(fleet(10), facts), plain)).toMatch(
    /10 agents can work on this host, with 1 warning\./,
  );
  expect(describeDiagnosis(diagnose(fleet(10), host()), plain)).toMatch(/10 agents can work on this host\./);
});

test('a ceiling is a sentence, also where there is none', () => {
  expect(describeCeiling({ agents: 4096, limit: 'pids.max of a.slice' })).toBe(
    'This host allows at most 4,096 agents, limited by pids.max of a.slice.',
  );
  expect(describeCeiling(firstCeiling([]))).toMatch(/^No limit/);
});

test('a refusal names the limit and its value as the host prints it', () => {
  expect(describeRefusal(findingOf('pids.max of user-1000.slice', fleet(5_000), facts), 5_000)).toMatch(
    /^pids\.max of user-1000\.slice is 4106, and 5,000 agents need 5,010: /,
  );
});

test('breaks lines at spaces, and a word that is too long not at all', () => {
  expect(wrap('aa bb cc', 2, 7)).toEqual(['  aa bb', '  cc']);
  expect(wrap('a /very/long/path b', 0, 6)).toEqual(['a', '/very/long/path', 'b']);
});

test('figures that are too long for the line of their name go below it', () => {
  const { findings, ...rest } = diagnose(fleet(5_000), facts);
  const have = `tcp ${Array.from({ length: 8 }, (_, i) => 20_001 + i).join(', tcp ')}, and 433 more`;
  for (const verdict of ['ok', 'fail'] as const) {
    const long = { ...findings[0]!, verdict, limit: 'ports in use', needed: '1024-65023', have };
    const lines = describeDiagnosis({ ...rest, findings: [long] }, plain).split('\n');
    expect(lines[0]!.trimEnd()).toMatch(/ports in use$/);
    expect(lines[1]).toMatch(/^ {6}needs 1024-65023, has tcp 20001/);
    for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(80);
  }
});
