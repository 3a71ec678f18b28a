import { expect, test } from 'vitest';
import { compile, expand, placeholderProblem, uses } from '../../src/specification/placeholders.ts';
import { refusal } from './refusal.ts';

const VALUES = {
  slot: 7,
  port: 10_007,
  ports: { main: 10_007, metrics: 10_008 },
  address: '127.16.0.8',
  socket: '/run/s',
  dir: '/var/d',
  fleet: 'pilot',
  release: 'r1',
};

test.each([
  ['{slot}:{port}{socket}{dir}', '7:10007/run/s/var/d'],
  ['{fleet}-{release}', 'pilot-r1'],
  ['{address}:{port.metrics}', '127.16.0.8:10008'],
  ['{slot:05}', '00007'],
  ['{slot:01}', '7'],
  ['plain', 'plain'],
  ['', ''],
  ['{{port}}', '{port}'],
  ['{{{port}}}', '{10007}'],
  ['{{"a":{{}}}}', '{"a":{}}'],
])('fills in %s', (template, expected) => {
  expect(placeholderProblem(template)).toBeNull();
  expect(expand(template, VALUES)).toBe(expected);
  expect(expand(template, { ...VALUES })).toBe(expected);
});

test('fills in nothing for a port that there is not', () => {
  expect(expand('{port}', { ...VALUES, port: null })).toBe('');
});

test.each([
  ['{prt}', 'unknown placeholder "{prt}"; did you mean {port}?'],
  ['{port:05}', 'unknown placeholder "{port:05}"'],
  ['{slot:5}', 'unknown placeholder "{slot:5}"'],
  ['{dir.x}', 'unknown placeholder "{dir.x}"'],
  ['{}', 'unknown placeholder "{}"'],
  ['{toString}', 'unknown placeholder "{toString}"'],
  ['{ port }', 'unknown placeholder "{ port }"; did you mean {port}?'],
  ['a { b', 'unmatched {; write {{ for a literal brace'],
  ['a } b', 'unmatched }; write }} for a literal brace'],
  ['{port', 'unmatched {'],
])('finds the problem of %s', (template, expected) => {
  expect(placeholderProblem(template)).toContain(expected);
  expect(refusal(() => compile(template))).toContain(`SPEC_INVALID "${template}": ${expected}`);
});

test('tells whether a placeholder is used', () => {
  expect(uses(['a', ':{port}'], 'port')).toBe(true);
  expect(uses(['{{port}}', '{slot}', '{'], 'port')).toBe(false);
});
