import { afterEach, describe, expect, test } from 'vitest';
import type { AgentRow } from '../../src/api/agents.ts';
import { until } from '../e2e/harness.ts';
import { tell } from '../power/scratch.ts';
import { Namespace, NO_REUSE } from './namespace.ts';

const TIMEOUT_MS = 900_000;
/** Agents, and how often all of their pids go to strangers while the supervisor runs. */
const [AGENTS, TURNS] = process.env.FLEET_TEST_LONG ? [100, 105] : [20, 5];
const SPEC = `
name: web
command: [sleep, "100000"]
ready: { after: 1ms }
rounds: { parallel: 100, delay: 0s }
restart: { backoff: { min: 400ms, max: 400ms }, storm: off }
`;
/** What makes a supervisor signal its agents. */
const ORDERS = [['restart'], ['kill', '5'], ['spawn', String(AGENTS)], ['restart', '--slots', '0-9']];

let world: Namespace;
afterEach(() => world?.dispose());

/** The pids of all agents, once they are up. */
async function pidsOf(): Promise<number[]> {
  let agents: AgentRow[] = [];
  await until(async () => {
    agents = await world.ps();
    return agents.every(({ state }) => state === 'ready');
  });
  return agents.map(({ pid }) => pid!);
}

/** A command that may end with 4: agents that die so often count as failing. Who gets signals is asked here. */
async function order(...args: string[]): Promise<void> {
  const { code, stderr } = await world.fleetctl(...args);
  expect([0, 4], stderr).toContain(code);
}

describe.skipIf(NO_REUSE)('a pid that was an agent’s, and is a stranger’s now', () => {
  test.each([
    ['by cgroup', true],
    ['by session', false],
  ])(
    'is never signalled, with agents told %s',
    async (_how, cgroups) => {
      world = await Namespace.open({ cgroups });
      await world.ok('spawn', String(AGENTS), '-f', world.write('web.yaml', SPEC));
      let reused = 0;
      for (let turn = 0; turn < TURNS; turn++) {
        const pids = await pidsOf();
        await world.end(pids);
        reused += await world.take(pids);
        await order(...ORDERS[turn % ORDERS.length]!);
        expect(await world.harm()).toEqual([]);
        await world.leave();
      }
      expect(reused).toBeGreaterThan((AGENTS * TURNS) / 2);

      // The supervisor is away while its agents' pids, and its own, change hands; half of the agents live on.
      await order('spawn', String(AGENTS));
      const before = await pidsOf();
      const lost = before.slice(0, AGENTS / 2);
      const own = await world.endSupervisor();
      await world.end(lost);
      const across = await world.take([own, ...lost]);
      expect(across).toBe(lost.length + 1);
      await order('spawn');
      const after = await pidsOf();
      expect(after).toHaveLength(AGENTS);
      expect(after.filter((pid) => lost.includes(pid))).toEqual([]);
      expect(after.filter((pid) => before.includes(pid))).toHaveLength(AGENTS / 2);
      await order('restart');
      await world.ok('kill', '--all');
      await world.ok('shutdown');
      expect(await world.harm()).toEqual([]);
      tell(`${reused} pids reused, ${across} across a restart of the supervisor`);
    },
    TIMEOUT_MS,
  );
});
