import { expect, test } from 'vitest';
import { Ledger } from './ledger.ts';

test('counts what was tried, told and lost, and shows what was tried', () => {
  const names = ['one', 'two', 'three'];
  const ledger = new Ledger(
    names.map((name) => ({ name, inject: () => Promise.reject(new Error('not here')) })),
  );
  ledger.add('one', { tried: 1, told: 1 });
  ledger.add('one', { tried: 1 });
  ledger.add('two', { tried: 1, told: 1, losses: 2 });
  expect(ledger.total).toEqual({ tried: 3, told: 2, losses: 2 });
  expect(ledger.table()).toBe(
    [
      '| fault   | tried | in events | losses |',
      '| ------- | ----: | --------: | -----: |',
      '| one     |     2 |         1 |      0 |',
      '| two     |     1 |         1 |      2 |',
      '| **all** |     3 |         2 |      2 |',
    ].join('\n'),
  );
});
