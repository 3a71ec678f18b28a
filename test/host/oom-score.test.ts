import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withAgentOomScore } from '../../src/host/oom-score.ts';
import { Scratch } from './processes.ts';

const scoreOf = (pid: number | 'self') => Number(readFileSync(`/proc/${pid}/oom_score_adj`, 'latin1'));
const OWN = scoreOf('self');

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.dispose());

test('what is started dies before the system, and the supervisor is as it was', () => {
  const pids = withAgentOomScore(() => [scratch.start('exec sleep 1000'), scratch.start('exec sleep 1000')]);
  expect(pids.map(scoreOf)).toEqual([Math.max(OWN, 500), Math.max(OWN, 500)]);
  expect(scoreOf('self')).toBe(OWN);
});

test('goes back to what it was when the start fails', () => {
  expect(() =>
    withAgentOomScore(() => {
      throw new Error('no start');
    }),
  ).toThrow('no start');
  expect(scoreOf('self')).toBe(OWN);
});
