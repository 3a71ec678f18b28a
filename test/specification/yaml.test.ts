import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FleetError } from '../../src/errors/fleet-error.ts';
import { readSpecText } from '../../src/specification/yaml.ts';
import { refusal } from './refusal.ts';

const documents = (text: string) => readSpecText(text, 'fleet.yaml');
const read = (text: string) => documents(text)[0]!.value;

test('reads YAML 1.2: off, yes and 012 are what they look like', () => {
  expect(read('a: off\nb: yes\nc: null\n"d": [1, 5%]')).toEqual({
    a: 'off',
    b: 'yes',
    c: null,
    d: [1, '5%'],
  });
  expect(read('{"name": "a", "command": ["b"]}')).toEqual({ name: 'a', command: ['b'] });
});

test('keeps numbers in env as they are written', () => {
  expect(read('env: { A: 1.10, B: 007, C: 0x1F, D: true }\ntarget: 0x10')).toEqual({
    env: { A: '1.10', B: '007', C: '0x1F', D: true },
    target: 16,
  });
});

test('keeps numbers in labels as they are written', () => {
  expect(read('labels: { version: 1.10, zone: 007 }')).toEqual({ labels: { version: '1.10', zone: '007' } });
});

test('reads every document, without the empty ones', () => {
  const found = documents('---\na: 1\n---\n# nothing\n---\na: 2\n---\n');
  expect(found.map(({ value, number }) => [number, value])).toEqual([
    [1, { a: 1 }],
    [2, { a: 2 }],
  ]);
});

test.each([
  ['ports.base', 6],
  ['ports', 5],
  ['command[1]', 4],
  ['command[7]', 3],
  ['ports.names', 5],
  ['env."a b"', 7],
  ['missing', 2],
  ['', 2],
])('finds the line of %s, or of what is around it', (path, line) => {
  const text = '---\nname: a\ncommand: [a,\n  5]\nports:\n  base: x\nenv: { "a b": 1 }\n';
  expect(documents(text)[0]!.lineOf(path)).toBe(line);
});

test('allows anchors', () => {
  expect(read('a: &x [1]\nb: *x')).toEqual({ a: [1], b: [1] });
});

test.each([
  ['a: [1\nb: 2', 'fleet.yaml:2:1: '],
  ['a: 1\nb: 2\na: 3', 'fleet.yaml:3:1: the key "a" is a duplicate'],
  ['a: { b: 1, "b": 2 }', 'fleet.yaml:1:12: the key "b" is a duplicate'],
  ['a: 1\n---\nb: [', 'fleet.yaml:3:'],
  ['a: 1\n---\nb: 1\nb: 2', 'fleet.yaml:4:1: the key "b" is a duplicate'],
  ['---\n---\n', 'fleet.yaml:1:1: the file is empty'],
  ['', 'fleet.yaml:1:1: the file is empty'],
  ['# only a comment\n', 'fleet.yaml:1:1: the file is empty'],
  ['a: *nothing', 'fleet.yaml:1:4: the alias *nothing has no anchor'],
  ['a: &x [*x]', 'fleet.yaml:1:8: the alias *x refers to itself'],
  ['a: !js/function x', 'fleet.yaml:1:4: Unresolved tag'],
  ['\tname: a', 'fleet.yaml:1:'],
  ['['.repeat(100_000), 'nested too deeply'],
  ['a: '.repeat(50_000), 'Nested mappings are not allowed'],
  [' '.repeat(300_000), 'fleet.yaml: longer than the maximum of 256 KiB'],
])('refuses %#, saying where', (text, expected) => {
  expect(refusal(() => read(text))).toContain(expected);
});

test('refuses an alias bomb', () => {
  const levels = Array.from(
    { length: 9 },
    (_, i) => `k${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`,
  );
  expect(refusal(() => read(['k0: &a0 [x]', ...levels].join('\n')))).toContain('alias');
});

test('takes no long time for many keys', () => {
  const text = Array.from({ length: 25_000 }, (_, i) => `k${i}: 1`).join('\n');
  expect(Object.keys(read(text) as object)).toHaveLength(25_000);
});

test('throws nothing but FleetError, whatever the text', () => {
  const noise = fc.string({ unit: fc.constantFrom(...'{}[]:-?&*!|>\'"%@`#, \n\tab1~<'), maxLength: 60 });
  fc.assert(
    fc.property(noise, (text) => {
      try {
        read(text);
      } catch (error) {
        expect(error).toBeInstanceOf(FleetError);
      }
    }),
    { numRuns: 1_000 },
  );
});
