import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { signalName, signalNumber } from '../../src/specification/signals.ts';

test('knows every signal of this kernel by its name and its number', () => {
  for (const [name, number] of Object.entries(constants.signals)) {
    expect([name, signalNumber(name)]).toEqual([name, number]);
    expect(signalNumber(signalName(number))).toBe(number);
  }
});

test('reads names with and without SIG, numbers and real-time signals', () => {
  const read = ['HUP', 'sighup', '1', '64', 'RTMIN', 'SIGRTMIN+3', 'SIGRTMAX-1', 'RTMAX', 'POLL'];
  expect(read.map(signalNumber)).toEqual([1, 1, 1, 64, 34, 37, 63, 64, 29]);
  expect([1, 33, 34, 37, 64].map(signalName)).toEqual([
    'SIGHUP',
    '33',
    'SIGRTMIN',
    'SIGRTMIN+3',
    'SIGRTMIN+30',
  ]);
});

test('refuses what is none', () => {
  const wrong = ['', '0', '65', '-1', '01', 'SIG', 'NONE', 'RTMIN+31', 'RTMAX-31', 'RTMIN+', 'HUP ', '1e1'];
  expect(wrong.map(signalNumber)).toEqual(wrong.map(() => null));
});
