import { expect, test } from 'vitest';
import type { Inherited } from '../../src/doctor/facts.ts';
import { findingOf, fleet, host, troubles } from './hosts.ts';

const MIB = 2 ** 20;
const USUAL = host().inherited;

function inherits(changes: Partial<Inherited>, container: string | null = null) {
  return host({ inherited: { ...USUAL, ...changes }, container });
}

test('the usual host gives agents all of a system service', () => {
  expect(troubles(fleet(10), host())).toEqual([]);
});

test('names each hard limit below that of a system service, unless the kernel counts it by memory', () => {
  const hard = { ...USUAL.hard, memlock: 65_536, fsize: MIB, nproc: 100, sigpending: 100 };
  expect(troubles(fleet(10), inherits({ hard }))).toEqual(['warn limits.fsize', 'warn limits.memlock']);
});

test('a limit above the hard one needs CAP_SYS_RESOURCE', () => {
  const demand = fleet(10, { limits: { memlock: 'unlimited' } });
  expect(troubles(demand, host())).toEqual([]);
  const finding = findingOf('limits.memlock', demand, inherits({ capabilities: [] }));
  expect(finding).toMatchObject({ verdict: 'fail', needed: 'unlimited', have: 8 * MIB });
  expect(finding.fix).toContain('LimitMEMLOCK=');
  const lower = fleet(10, { limits: { memlock: '64K', nproc: 10 } });
  expect(troubles(lower, inherits({ capabilities: [] }))).toEqual([]);
});

test.each([
  ['nice of the caller without CAP_SYS_NICE', {}, { nice: 5, capabilities: [] }, ['warn process.nice']],
  ['nice of the caller as root', {}, { nice: 5 }, []],
  ['nice above the caller’s', { nice: 10 }, { nice: 5, capabilities: [] }, []],
  ['nice below 0 without CAP_SYS_NICE', { nice: -5 }, { capabilities: [] }, ['fail process.nice']],
  ['realtime I/O', { ionice: 'realtime:3' }, { capabilities: [] }, ['fail process.ionice']],
  ['realtime I/O as root', { ionice: 'realtime:3' }, {}, []],
  ['processors that do not exist', { cpus: '20-22' }, {}, ['fail process.cpus']],
  ['some of them', { cpus: '14-17' }, {}, ['warn process.cpus']],
  ['an OOM score that is too low', { oomScoreAdj: -500 }, { capabilities: [] }, ['warn process.oomScoreAdj']],
  [
    'capabilities that the supervisor lacks',
    { capabilities: ['NET_BIND_SERVICE', 'NET_RAW'] },
    { capabilities: ['NET_RAW'] as const },
    ['fail process.capabilities'],
  ],
  ['what nothing undoes', {}, { confinedBy: ['no_new_privs'] }, ['warn process.confinement']],
] as const)('%s', (_what, process, inherited, expected) => {
  const changes = inherited as Partial<Inherited>;
  expect(troubles(fleet(1, { process }), inherits(changes))).toEqual(expected);
});

test('in a container, seccomp is usual', () => {
  expect(troubles(fleet(1), inherits({ confinedBy: ['seccomp'] }, 'docker'))).toEqual([]);
});
