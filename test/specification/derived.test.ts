import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { FLEET } from '../../src/specification/fields.ts';
import { walk } from '../../src/specification/group.ts';
import { parseSpec } from '../../src/specification/parse.ts';
import { SCHEMA } from '../../src/specification/schema.ts';
import { templateText } from '../../src/specification/template.ts';
import { readSpecText } from '../../src/specification/yaml.ts';

const readText = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const validate = new Ajv2020({ strict: true, allowUnionTypes: true, strictRequired: false }).compile(SCHEMA);

test.each([
  ['the contract’s example', readText('fixtures/full.yaml')],
  ['the second edition’s keys', readText('fixtures/second-edition.yaml')],
  ['the template', templateText('s.json')],
  [
    'what may be written otherwise',
    'name: a\ncommand: [a]\nready: notify\nuser: { base: 7 }\nrestart: { storm: off }\nlogs: { to: null }',
  ],
])('the schema takes %s', (_, text) => {
  validate(readSpecText(text, 'a.yaml'));
  expect(validate.errors).toBeNull();
});

test.each([
  { name: 'a' },
  { name: 'A', command: ['a'] },
  { name: 'a', command: [] },
  { name: 'a', command: ['a'], rounds: { paralel: 1 } },
  { name: 'a', command: ['a'], rounds: { delay: 3 } },
  { name: 'a', command: ['a'], ready: { tcp: true, udp: true } },
  { name: 'a', command: ['a'], user: { base: 0 } },
])('the schema refuses %j', (document) => {
  expect(validate(document)).toBe(false);
});

test('the template begins with the reference to its schema, and is a spec', () => {
  const text = templateText('fleet.schema.json');
  expect(text).toMatch(/^# yaml-language-server: \$schema=fleet\.schema\.json\n/);
  expect(parseSpec(readSpecText(text, 'fleet.yaml'))).toMatchObject({
    name: 'pilot',
    ready: { kind: 'port' },
  });
});

test('the template is a spec as well when every comment is taken away', () => {
  const text = templateText('fleet.schema.json').replace(/^#(?! \S)/gm, '');
  const document = readSpecText(text, 'fleet.yaml') as object;
  expect(Object.keys(document)).toEqual(Object.keys(FLEET.fields));
  parseSpec(document);
});

test('every default of the field table is a value that its type takes', () => {
  for (const { path, field } of walk(FLEET.fields)) {
    for (const value of [field.default, field.example].filter((each) => each !== undefined)) {
      const problems: Parameters<typeof field.type.read>[2] = [];
      field.type.read(value, path, problems);
      expect(problems).toEqual([]);
    }
  }
});
