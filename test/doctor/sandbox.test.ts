import { expect, test } from 'vitest';
import { findingOf, fleet, host, hostWith, troubles } from './hosts.ts';

const ORDINARY = { uid: 1_000 };
const boxed = (agents = 10, more: object = {}) => fleet(agents, { sandbox: {}, ...more });

test('without a sandbox, nothing is needed', () => {
  expect(troubles(fleet(10), host({ bubblewrap: null }))).toEqual([]);
});

test('bubblewrap is named where it is missing', () => {
  expect(troubles(boxed(), host())).toEqual([]);
  expect(findingOf('sandbox', boxed(), host({ bubblewrap: null }))).toMatchObject({
    verdict: 'fail',
    fix: expect.stringContaining('apt-get install bubblewrap'),
  });
});

test.each([
  ['fail', { 'kernel.unprivileged_userns_clone': '0' }],
  ['warn', { 'kernel.apparmor_restrict_unprivileged_userns': '1' }],
])('without root, a host that forbids user namespaces: %s', (verdict, sysctls) => {
  const facts = hostWith(sysctls);
  expect(troubles(boxed(), facts)).toEqual([]);
  expect(troubles(boxed(), { ...facts, ...ORDINARY })).toEqual([`${verdict} sandbox`]);
});

test('together with capabilities it needs root', () => {
  const demand = boxed(1, { process: { capabilities: ['NET_RAW'] } });
  expect(troubles(demand, host())).toEqual([]);
  expect(troubles(demand, host(ORDINARY))).toContain('fail sandbox');
});

test.each([
  ['ok', 10_000],
  ['warn', 950],
  ['fail', 1_001],
])('the kernel allows a user 1,000 namespaces: %s', (verdict, agents) => {
  const max = verdict === 'ok' ? 100_000 : 1_000;
  const facts = hostWith({ 'user.max_mnt_namespaces': `${max}`, 'user.max_user_namespaces': `${max}` });
  const finding = findingOf('user.max_mnt_namespaces', boxed(agents), facts);
  expect(finding).toMatchObject({ verdict, agentsMax: max - 100 });
  // Root makes no user namespaces.
  expect(troubles(boxed(agents), facts).some((each) => each.includes('user_namespaces'))).toBe(false);
  const ofUser = findingOf('user.max_user_namespaces', boxed(agents), { ...facts, ...ORDINARY });
  expect(ofUser.verdict).toBe(verdict);
});

test('bubblewrap is a task more, and takes memory', () => {
  const plain = fleet(10, { resources: { memory: { request: '5M' } } });
  const inside = boxed(10, { resources: { memory: { request: '5M' } } });
  expect(inside.likely.tasks - plain.likely.tasks).toBe(1);
  expect(inside.least.memoryBytes - plain.least.memoryBytes).toBe(292 * 1_024);
  expect(inside.likely.memoryBytes).toBe(5 * 2 ** 20 + 292 * 1_024);
  expect(inside.basis.memoryBytes).toBe('resources.memory.request, plus 292K for bubblewrap');
  expect(inside.basis.tasks).toBe('assumed');
});
