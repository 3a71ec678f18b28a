import { expect, test } from 'vitest';
import { freshWish } from '../../src/fleet/agent.ts';
import { agentExited, stopSent } from '../../src/fleet/endings.ts';
import type { Fleet } from '../../src/fleet/fleet.ts';
import { plan } from '../../src/fleet/plan.ts';
import { expire, nextDue } from '../../src/fleet/time.ts';
import { agentHealthy, agentReady, agentStarted, agentUnhealthy } from '../../src/fleet/transitions.ts';
import { fleetOf, specOf } from './fleets.ts';

const NOW = 1_000_000;
const START = { pid: 1, startTicks: 1, startedAt: NOW, startedIso: '', release: 'r1', generation: 0 };

/**
 * Counts what is done to Maps and Sets, and every element that a loop over one visits: the planner keeps its slots and
 * queues in nothing else, so a walk over the fleet cannot hide.
 */
function countOperations(work: () => void): number {
  let operations = 0;
  const iterators = [new Map().entries(), new Set().values()].map((each) => Object.getPrototypeOf(each));
  const places = [
    ...iterators.map((prototype) => ({ prototype, names: ['next'] })),
    { prototype: Map.prototype, names: ['get', 'set', 'has', 'delete', 'forEach'] },
    { prototype: Set.prototype, names: ['add', 'has', 'delete', 'forEach'] },
  ];
  const restore: (() => void)[] = [];
  for (const { prototype, names } of places) {
    for (const name of names) {
      const original = prototype[name];
      restore.push(() => {
        prototype[name] = original;
      });
      prototype[name] = function (this: unknown, ...args: unknown[]) {
        operations++;
        return original.apply(this, args);
      };
    }
  }
  try {
    work();
  } finally {
    for (const undo of restore) undo();
  }
  return operations;
}

/** A fleet of so many that has been ready for long. */
function settled(count: number): Fleet {
  const spec = specOf({ rounds: { parallel: count, delay: '0s' }, health: { every: '30s', failures: 3 } });
  const fleet = fleetOf(spec);
  for (let slot = 0; slot < count; slot++) {
    fleet.want(slot, freshWish('r1', true), 0);
    agentStarted(fleet, slot, START, 0);
    agentReady(fleet, slot, 0);
  }
  expire(fleet, NOW);
  return fleet;
}

/** A slot's agent ends, and the loop brings it back. */
function exitAndReturn(fleet: Fleet, slot: number): void {
  agentExited(fleet, slot, { code: 1, signal: null }, 'now', NOW);
  for (let done = false; !done; ) {
    expire(fleet, NOW);
    const steps = plan(fleet, NOW);
    for (const step of steps) {
      if (step.do !== 'start') throw new Error(`unexpected ${step.do}`);
      agentStarted(fleet, step.slot, START, NOW);
    }
    nextDue(fleet, NOW);
    done = steps.length === 0;
  }
  agentReady(fleet, slot, NOW);
}

const WORK: Record<string, (fleet: Fleet) => void> = {
  'a pass over a fleet at rest': (fleet) => {
    expire(fleet, NOW);
    expect(plan(fleet, NOW)).toEqual([]);
    nextDue(fleet, NOW);
  },
  'an exit and the start after it': (fleet) => exitAndReturn(fleet, 500),
  'a health check that fails and one that passes': (fleet) => {
    agentUnhealthy(fleet, 500, 'no answer', NOW);
    agentHealthy(fleet, 500, NOW);
  },
  'a kill of one slot': (fleet) => {
    fleet.unwant(500, NOW);
    stopSent(fleet, 500, { cause: 'unwanted', reason: '' }, 'signalled', NOW);
    agentExited(fleet, 500, { code: 0, signal: null }, 'now', NOW);
    expect(plan(fleet, NOW)).toMatchObject([{ do: 'vacate' }]);
    fleet.remove(500);
  },
};

test.each(Object.keys(WORK))('%s costs the same in a fleet of 1,000 as of 10,000', (name) => {
  const [small, large] = [1_000, 10_000].map((count) => {
    const fleet = settled(count);
    return countOperations(() => WORK[name]!(fleet));
  });
  expect(small).toBeGreaterThan(0);
  expect(large).toBe(small);
  expect(large).toBeLessThan(200);
});

test('the exits of a tenth of the fleet cost ten times as much in a fleet ten times as large, no more', () => {
  const [small, large] = [1_000, 10_000].map((count) => {
    const fleet = settled(count);
    return countOperations(() => {
      for (let slot = 0; slot < count; slot += 10) exitAndReturn(fleet, slot);
    });
  });
  expect(large! / small!).toBeLessThan(10.5);
});

test('counts what it is there to count', () => {
  const map = new Map(Array.from({ length: 1_000 }, (_, i) => [i, i]));
  expect(countOperations(() => [...map.values()])).toBeGreaterThanOrEqual(1_000);
});
