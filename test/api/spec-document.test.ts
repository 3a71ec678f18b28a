import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseSpec } from '../../src/specification/parse.ts';
import { readSpecText } from '../../src/specification/yaml.ts';
import { checkerOf, openapi, operationOf } from './schemas.ts';

const document = openapi();
const { schema } = operationOf(document, 'fleet').responses[200]!.content['application/json']!;
const check = checkerOf(document, true)(schema!);
const full = readFileSync(new URL('../specification/fixtures/full.yaml', import.meta.url), 'utf8');
const second = readFileSync(
  new URL('../specification/fixtures/second-edition.yaml', import.meta.url),
  'utf8',
);
const MINIMAL = { name: 'a', command: ['b'] };

test.each<[string, object]>([
  ['all keys', readSpecText(full, 'full.yaml') as object],
  ['the keys of the second edition', readSpecText(second, 'second-edition.yaml') as object],
  ['few keys', MINIMAL],
  ['a port', { ...MINIMAL, command: ['b', '{port}'], ports: { base: 1 } }],
  ['a check by command', { ...MINIMAL, ready: { exec: ['c'] } }],
  ['a check by HTTP', { ...MINIMAL, ready: { http: '/' }, ports: { base: 1 } }],
  ['a check by time', { ...MINIMAL, ready: { after: 0 } }],
  ['other forms of values', { ...MINIMAL, user: 'u', restart: { storm: false }, logs: { to: null } }],
  ['shares and signals', { ...MINIMAL, update: { batch: '10%' }, stop: { signal: 'INT' } }],
])('a complete spec is as described: %s', (_what, written) => {
  check({ spec: JSON.parse(JSON.stringify(parseSpec(written))), baseDir: '/' });
  expect(check.errors).toBeNull();
});

test.each<[string, object]>([
  ['a key too many', { ...parseSpec(MINIMAL), more: 1 }],
  ['a spec as written', MINIMAL],
  ['a duration as text', { ...parseSpec(MINIMAL), rounds: { ...parseSpec(MINIMAL).rounds, delayMs: '3s' } }],
])('and what is not complete is not: %s', (_what, spec) => {
  expect(check({ spec, baseDir: '/' })).toBe(false);
});
