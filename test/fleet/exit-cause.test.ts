import { expect, test } from 'vitest';
import { freshWish } from '../../src/fleet/agent.ts';
import { agentExited } from '../../src/fleet/endings.ts';
import { type AgentExit, describeExit } from '../../src/fleet/exit.ts';
import { agentStarted } from '../../src/fleet/transitions.ts';
import { parseSpec } from '../../src/specification/parse.ts';
import { fleetOf } from './fleets.ts';

const MIB = 1024 * 1024;
const OOM: AgentExit = { code: null, signal: 'SIGKILL', cause: 'oom-limit' };

test.each<[AgentExit, number | null, string]>([
  [{ code: 1, signal: null }, null, 'exited 1'],
  [{ code: null, signal: 'SIGKILL' }, 64 * MIB, 'killed by SIGKILL'],
  [OOM, 64 * MIB, 'killed by SIGKILL: out of memory (memory.limit 64M)'],
  [OOM, null, 'killed by SIGKILL: out of memory (memory.limit)'],
  [{ ...OOM, cause: 'oom-host' }, 64 * MIB, 'killed by SIGKILL: out of memory on the host'],
  [{ code: null, signal: null }, null, 'exit status unknown'],
])('an exit is described with what was behind it: %j', (exit, limitBytes, text) => {
  expect(describeExit(exit, limitBytes)).toBe(text);
});

test('the last exit names the limit that the agent ran into, and keeps its shape', () => {
  const spec = parseSpec({ name: 'a', command: ['a'], resources: { memory: { limit: '64M' } } });
  const fleet = fleetOf(spec);
  fleet.want(0, freshWish('r', true), 0);
  agentStarted(
    fleet,
    0,
    { pid: 1, startTicks: 1, startedAt: 0, startedIso: '', release: 'r', generation: 0 },
    0,
  );
  agentExited(fleet, 0, OOM, 'then', 1);
  const reason = 'killed by SIGKILL: out of memory (memory.limit 64M)';
  expect(fleet.slot(0).lastExit).toEqual({ code: null, signal: 'SIGKILL', reason, at: 'then' });
  expect(fleet.slot(0).agent).toMatchObject({ state: 'backoff', reason: `restart: ${reason}` });
});
