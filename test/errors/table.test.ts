import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { errorFromDocument, FleetError } from '../../src/errors/fleet-error.ts';
import { ERRORS, type ErrorCode, type ErrorEntry } from '../../src/errors/table.ts';

const entries = Object.entries(ERRORS) as [ErrorCode, ErrorEntry][];

test('a message of the table takes its values as they are, and the hint of its own or of its code', () => {
  const braces = FleetError.of('UNKNOWN.fleet', { fleet: '{fleet}' });
  expect(braces).toMatchObject({
    code: 'UNKNOWN',
    message: 'there is no fleet "{fleet}"',
    hint: ERRORS.UNKNOWN.hint,
  });
  const own = FleetError.of('STATE_UNUSABLE.inTheWay', { path: '/a', what: 'a directory' });
  expect(own).toMatchObject({ message: '/a is in the way: a directory', hint: 'Move it away.' });
});

test('whoever throws may give a closer hint, and the cause', () => {
  const cause = new Error('ENOENT');
  const error = FleetError.of('SUPERVISOR_AWAY.none', { socket: '/s' }, { hint: 'Start it.', cause });
  expect(error).toMatchObject({
    message: 'no supervisor answers at /s',
    hint: 'Start it.',
    cause,
    exitCode: 3,
  });
});

test('an error survives its document, and one of another version becomes a defect', () => {
  const error = FleetError.of('BUSY.stopping', { fleet: 'web' });
  expect(errorFromDocument(error.toDocument()).toDocument()).toEqual(error.toDocument());
  expect(errorFromDocument({ ...error.toDocument(), code: 'FLEET_NEW' }).code).toBe('INTERNAL');
});

test('messages are clauses, hints are sentences', () => {
  for (const [, { hint, messages = {} }] of entries) {
    const all = Object.values(messages).map((each) =>
      typeof each === 'string' ? { text: each, hint } : each,
    );
    for (const { text, hint: its } of [...all, { text: 'any', hint }]) {
      expect(text).toMatch(/^[a-z{-].*[^.]$/);
      expect(its).toMatch(/^[A-Za-z].*\.$/);
    }
  }
});

test('a sentence that two places throw stands in the table', () => {
  const thrown = globSync('src/**/*.ts').flatMap((file) =>
    [
      ...readFileSync(file, 'utf8').matchAll(/new FleetError\(\s*'(\w+)',\s*(['`])(.*?)(?<!\\)\2\s*[,)]/gs),
    ].map(([, code, , text]) => `${code}: ${text!.replaceAll(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, '…')}`),
  );
  expect(thrown.length).toBeGreaterThan(50);
  const sentences = thrown.filter((each) => /[a-z]{2,}/.test(each.replace(/^\w+: /, '')));
  expect(sentences.filter((each, i) => sentences.indexOf(each) !== i)).toEqual([]);
});
