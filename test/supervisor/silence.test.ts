import { expect, test } from 'vitest';
import { type Heartbeat, judgeSilence, type Silence } from '../../src/supervisor/silence.ts';

const NOW = 10_000_000;
const heartbeat = (change: Partial<Heartbeat> = {}): Heartbeat => ({
  pid: 40,
  startTicks: 777,
  bootId: 'this',
  phase: 'supervising',
  atMs: NOW - 61_000,
  ...change,
});
const silence = (change: Partial<Silence> = {}): Silence => ({
  holder: { pid: 40, startTicks: 777 },
  heartbeat: heartbeat(),
  bootId: 'this',
  nowMs: NOW,
  ...change,
});

test('ends a supervisor that gave no sign of life for a minute', () => {
  expect(judgeSilence(silence())).toEqual({
    do: 'end',
    why: 'pid 40 did not answer, and its heartbeat is 61 s old (supervising)',
  });
});

test('starts one where nobody holds the lock, whatever is left of an old heartbeat', () => {
  expect(judgeSilence(silence({ holder: null }))).toEqual({ do: 'start' });
});

test.each<[string, Partial<Silence>]>([
  ['whose heartbeat is younger than a minute', { heartbeat: heartbeat({ atMs: NOW - 59_999 }) }],
  [
    'that has recovered for less than five',
    { heartbeat: heartbeat({ phase: 'recovering', atMs: NOW - 299_999 }) },
  ],
  ['that has no heartbeat', { heartbeat: null }],
  ['whose heartbeat is of another process', { heartbeat: heartbeat({ pid: 41 }) }],
  [
    'whose pid was another process’s when the heartbeat was written',
    { heartbeat: heartbeat({ startTicks: 776 }) },
  ],
  ['whose heartbeat is of another boot', { heartbeat: heartbeat({ bootId: 'that' }) }],
  ['whose heartbeat is of the future', { heartbeat: heartbeat({ atMs: NOW + 1e9 }) }],
])('leaves a process alone %s', (_what, change) => {
  expect(judgeSilence(silence(change)).do).toBe('leave');
});

test('ends one that has recovered for five minutes', () => {
  const recovering = heartbeat({ phase: 'recovering', atMs: NOW - 300_000 });
  expect(judgeSilence(silence({ heartbeat: recovering })).do).toBe('end');
});
