import { Option } from 'commander';
import { expect, test } from 'vitest';
import { nameFromCommand, SPEC_FLAGS, specFromFlags } from '../../src/specification/flags.ts';
import { parseSpec } from '../../src/specification/parse.ts';
import { refusal } from './refusal.ts';

test('offers exactly the flags of the contract', () => {
  expect(SPEC_FLAGS.map(({ flags }) => flags.split(' ')[0]).toSorted()).toEqual([
    '--adaptive',
    '--env',
    '--name',
    '--parallel',
    '--port-base',
    '--ready',
    '--ready-timeout',
    '--round-delay',
  ]);
});

test('knows where commander puts each value', () => {
  for (const { flags, attribute } of SPEC_FLAGS) expect(new Option(flags).attributeName()).toBe(attribute);
});

test('makes the document that the flags stand for', () => {
  const values = {
    name: 'web',
    portBase: '9000',
    parallel: '5',
    roundDelay: '100ms',
    ready: 'http:/health',
    readyTimeout: '5s',
    env: ['A=1', 'B=x=y', 'C='],
    adaptive: true,
  };
  const document = specFromFlags(values, ['serve', '{port}']);
  expect(document).toEqual({
    name: 'web',
    command: ['serve', '{port}'],
    ports: { base: 9000 },
    rounds: { parallel: 5, delay: '100ms', adaptive: true },
    ready: { http: '/health', timeout: '5s' },
    env: { A: '1', B: 'x=y', C: '' },
  });
  expect(parseSpec(document)).toMatchObject({ ports: { protocol: 'tcp' }, ready: { kind: 'http' } });
});

test.each([
  ['tcp', { tcp: true }],
  ['notify', { notify: true }],
  ['after:2s', { after: '2s' }],
])('reads --ready %s', (ready, expected) => {
  expect(specFromFlags({ ready }, ['a'])).toMatchObject({ ready: expected });
});

test('leaves wrong values to parseSpec', () => {
  const refused = (values: object) => refusal(() => parseSpec(specFromFlags({ ...values }, ['a'])));
  expect(refused({ parallel: 'many' })).toContain('rounds.parallel: expected a whole number');
  expect(refused({ env: ['A'] })).toContain('env.A: expected text');
  expect(refused({ ready: 'magic' })).toContain('ready.magic: unknown key');
});

test.each([
  ['/usr/bin/redis-server', 'redis-server'],
  ['./My_Daemon.sh', 'my-daemon-sh'],
  ['7zip', 'zip'],
  [`${'x'.repeat(30)}-yz`, 'x'.repeat(30)],
  ['{dir}/', 'fleet'],
])('names the fleet of %s', (program, name) => {
  expect(nameFromCommand(program)).toBe(name);
  expect(parseSpec(specFromFlags({}, ['a'])).name).toBe('a');
});
