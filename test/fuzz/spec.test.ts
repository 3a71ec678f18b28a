import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FleetError } from '../../src/errors/fleet-error.ts';
import { FLEET } from '../../src/specification/fields.ts';
import { fieldsOf, walk } from '../../src/specification/group.ts';
import { parseSpec } from '../../src/specification/parse.ts';
import { compile, literal, placeholderProblem, uses } from '../../src/specification/placeholders.ts';
import { formatSlots, parseSlots, SLOT_MAX } from '../../src/specification/slots.ts';
import { templateText } from '../../src/specification/template.ts';
import {
  parseDuration,
  parsePercent,
  parseRate,
  parseShare,
  parseSize,
} from '../../src/specification/units.ts';
import { readSpecText } from '../../src/specification/yaml.ts';
import { fuzz, RUNS, SEED, TIMEOUT_MS } from './fuzz.ts';

const OPTIONS = { numRuns: RUNS, seed: SEED };
const KEYS = [...walk(fieldsOf(FLEET)!)].map(({ path }) => path.split('.').at(-1)!);
const WORDS = [
  'web',
  'always',
  'tcp',
  '5s',
  '10%',
  '100M/h',
  '64M',
  '{port}',
  '{{',
  '{slot',
  'SIGTERM',
  '__proto__',
  '',
];
const VALUES = {
  sleep: [
    ['sleep', '1000'],
    ['./agent', '{socket}'],
  ],
  base: [20_000],
};

/** Documents with the keys of specs and nearly their values, beside anything else. */
const DOCUMENTS = fc.letrec<{ value: unknown; mapping: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(...WORDS, ...VALUES.sleep, ...VALUES.base),
    fc.anything(),
    fc.integer(),
    fc.double(),
    fc.array(tie('value'), { maxLength: 4 }),
    tie('mapping'),
  ),
  mapping: fc.dictionary(fc.oneof(fc.constantFrom(...KEYS), fc.string()), tie('value'), { maxKeys: 8 }),
})).mapping;
const SPECS = fc
  .tuple(DOCUMENTS, fc.boolean())
  .map(([document, isNearlySound]) =>
    isNearlySound ? { name: 'web', command: ['sleep', '1000'], ...(document as object) } : document,
  );

/** What a refusal has to be: an error of ours that says something; anything else is a defect. */
function isRefusal(act: () => unknown): boolean {
  try {
    act();
    return false;
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    expect(error.exitCode).toBe(2);
    expect(error.message).toMatch(/\S/);
    expect(error.message.length).toBeLessThan(10_000);
    return true;
  }
}

describe(`${RUNS} inputs each, seed ${SEED}`, () => {
  test('a document is a whole spec, or refused in words', { timeout: TIMEOUT_MS }, () => {
    fc.assert(
      fc.property(SPECS, (document) => {
        if (isRefusal(() => parseSpec(document))) return;
        const spec = parseSpec(document);
        expect(spec.command.length).toBeGreaterThan(0);
        expect(spec.name).toMatch(/^[a-z][a-z0-9-]{0,30}$/);
        expect(() => JSON.stringify(spec)).not.toThrow();
      }),
      OPTIONS,
    );
  });

  test('a damaged spec file is a document, or refused in words', { timeout: TIMEOUT_MS }, () => {
    const demo = readFileSync(new URL('../../examples/demo/fleet.yaml', import.meta.url));
    return fuzz(
      [demo, templateText(''), '{"name": "web", "command": ["a"]}', 'a: &x [*x]\n', '- &a [1]\n- *a\n'],
      (input) => {
        const text = input.toString('utf8');
        if (!isRefusal(() => readSpecText(text, 'fleet.yaml')))
          isRefusal(() => parseSpec(readSpecText(text, 'fleet.yaml')));
      },
    );
  });

  test('a template is filled in, or its problem is told', { timeout: TIMEOUT_MS }, () => {
    const piece = fc.oneof(
      fc.constantFrom('{', '}', '{{', '}}', '{port}', '{slot}', '{prot}', '{__proto__}'),
      fc.string({ unit: 'binary' }),
    );
    const values = {
      slot: 7,
      port: null,
      ports: {},
      address: null,
      socket: '/s',
      dir: '/d',
      fleet: 'web',
      release: 'r',
    };
    fc.assert(
      fc.property(
        fc.array(piece).map((pieces) => pieces.join('')),
        (template) => {
          const problem = placeholderProblem(template);
          expect(isRefusal(() => compile(template))).toBe(problem !== null);
          if (problem !== null) {
            expect([uses([template], 'port'), literal(template)]).toEqual([false, null]);
            return;
          }
          const text = compile(template)(values);
          expect(literal(template) ?? text).toBe(text);
        },
      ),
      OPTIONS,
    );
  });

  test('slots are read, or refused in words', { timeout: TIMEOUT_MS }, () =>
    fuzz(['10-19,25', '0', '999999', '0-999999', ' 1 , 2 '], (input) => {
      const text = input.toString('utf8');
      if (isRefusal(() => parseSlots(text))) return;
      const slots = parseSlots(text);
      expect([slots[0]! >= 0, slots.at(-1)! <= SLOT_MAX]).toEqual([true, true]);
      if (slots.length < 1_000) expect(parseSlots(formatSlots(slots))).toEqual(slots);
    }),
  );

  test('a quantity is a number that can be reckoned with, or nothing', { timeout: TIMEOUT_MS }, () =>
    fuzz(['1h30m', '500ms', '64K', '100M/h', '10%', '0', '12.5%', '500'], (input) => {
      const text = input.toString('utf8');
      for (const parse of [parseDuration, parseSize, parseRate, parsePercent]) {
        const value = parse(text);
        expect(value === null || (Number.isFinite(value) && value >= 0)).toBe(true);
      }
      expect(() => parseShare(text)).not.toThrow();
    }),
  );
});
