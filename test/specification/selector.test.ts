import { expect, test } from 'vitest';
import { parseSelectors, selects } from '../../src/specification/selector.ts';
import { refusal } from './refusal.ts';

const LABELS = { team: 'edge', 'example.org/tier': '1', empty: '' };

test.each([
  ['team=edge', true],
  ['team=core', false],
  ['team', true],
  ['zone', false],
  ['team!=core', true],
  ['team!=edge', false],
  ['zone!=a', true],
  ['empty=', true],
  ['empty!=', false],
  ['example.org/tier=1,team=edge', true],
  ['example.org/tier=1,team=core', false],
  ['toString', false],
])('%s chooses by the labels: %s', (text, expected) => {
  expect(selects(parseSelectors(text), LABELS)).toBe(expected);
});

test.each(['', '=x', 'a=b c', 'a==b', '!a', 'a=b,', 'a!b'])('refuses %j', (text) => {
  expect(refusal(() => parseSelectors(text))).toContain('--selector must be KEY=VALUE, KEY!=VALUE or KEY');
});
