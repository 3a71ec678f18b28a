import { below, type Problem, show } from '../problems.ts';
import { isMapping, isText, type Type } from '../types.ts';

const KEY = /^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/;
const VALUE = /^[A-Za-z0-9._/-]{0,63}$/;
const EXPECTED = {
  labels: 'a mapping of keys to values',
  key: '1 to 63 letters, digits and any of . _ / -, which begins and ends with a letter or digit',
  value: 'at most 63 letters, digits and any of . _ / -',
} as const;

/** Labels: keys and values of limited characters. Numbers and booleans become text. */
export const LABELS: Type<Record<string, string>, ''> = {
  suffix: '',
  expected: EXPECTED.labels,
  schema: {
    type: 'object',
    propertyNames: { pattern: KEY.source },
    additionalProperties: { type: ['string', 'number', 'boolean'], pattern: VALUE.source },
  },
  parsed: { type: 'object', additionalProperties: { type: 'string' } },
  read: (value, path, problems) => {
    if (!isMapping(value)) {
      problems.push({ path, text: `expected ${EXPECTED.labels}, found ${show(value)}` });
      return undefined;
    }
    const before = problems.length;
    const entries = Object.entries(value).map(([key, item]) => readLabel(key, item, path, problems));
    return problems.length === before ? Object.fromEntries(entries) : undefined;
  },
};

/** Tells whether text may be the key of a label. */
export function isLabelKey(key: string): boolean {
  return KEY.test(key);
}

/** Tells whether a value may be that of a label. */
export function isLabelValue(value: unknown): value is string {
  return isText(value) && VALUE.test(value);
}

function readLabel(key: string, value: unknown, path: string, problems: Problem[]): [string, string] {
  const itemPath = below(path, key);
  if (!isLabelKey(key))
    problems.push({ path: itemPath, text: `expected ${EXPECTED.key}, found ${show(key)}` });
  const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
  if (isLabelValue(text)) return [key, text];
  problems.push({ path: itemPath, text: `expected ${EXPECTED.value}, found ${show(value)}` });
  return [key, ''];
}
