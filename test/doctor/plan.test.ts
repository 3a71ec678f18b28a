import { describe, expect, test } from 'vitest';
import { combine } from '../../src/doctor/demand.ts';
import { planCapacity } from '../../src/doctor/plan.ts';
import { parseCost, planCost } from '../../src/doctor/plan-cost.ts';
import { describePlan, describeRatio } from '../../src/doctor/plan-text.ts';
import { cgroup, fleet, GIB, host, hostWith, MEASURED } from './hosts.ts';

const MIB = 2 ** 20;
const asked = (request: string, limit?: string) => ({
  resources: { memory: { request, ...(limit && { limit }) } },
  logs: { to: 'null' },
});

describe('memory', () => {
  test('is divided as it is written down', () => {
    const { memory, agents, binding } = planCapacity(fleet(3_000, asked('64M')), host());
    expect(memory).toMatchObject({
      totalBytes: 64 * GIB,
      elsewhereBytes: 2 * GIB,
      eachBytes: 64 * MIB,
      basis: 'resources.memory.request',
    });
    expect(memory.usableBytes).toBe(memory.totalBytes - memory.headroomBytes - memory.elsewhereBytes);
    expect(memory.agents).toBe(Math.floor(memory.usableBytes / memory.eachBytes));
    expect({ agents, binding }).toEqual({ agents: memory.agents, binding: 'memory' });
  });

  test('is measured rather than asked for, and asked for rather than assumed', () => {
    expect(planCapacity(fleet(10, asked('64M'), { measured: MEASURED }), host()).memory.basis).toMatch(
      /^PSS of 32/,
    );
    expect(planCapacity(fleet(10, asked('64M')), host()).memory.basis).toBe('resources.memory.request');
    expect(planCapacity(fleet(10), host()).memory).toMatchObject({ basis: 'assumed', eachBytes: 10 * MIB });
  });

  test('of agents that run is theirs, not everything else’s', () => {
    const measured = { ...MEASURED, memoryBytes: 10 * MIB };
    const running = fleet(1_000, null, { running: 1_000, measured });
    const full = host({ memory: { ...host().memory, availableBytes: 50 * GIB } });
    const { memory } = planCapacity(running, full);
    expect(memory.elsewhereBytes).toBe(14 * GIB - 1_000 * memory.eachBytes);
  });
});

test('the lowest limit binds', () => {
  const plan = planCapacity(fleet(3_000, asked('1M')), host({ cgroups: [cgroup()] }));
  expect(plan).toMatchObject({ agents: 4096, binding: 'pids.max of user-1000.slice', wanted: 3000 });
  expect(plan.limits.map(({ agents }) => agents)).toEqual(
    plan.limits.map(({ agents }) => agents).toSorted((a, b) => a - b),
  );
});

test('ports bind a fleet whose ports end', () => {
  const plan = planCapacity(fleet(10, { ...asked('1M'), ports: { base: 65_000 } }), host());
  expect(plan).toMatchObject({ agents: 536, binding: 'ports' });
});

test('requests and limits are promises, whose share of the memory is told', () => {
  const { overcommit } = planCapacity(fleet(2_048, asked('16M', '64M')), host());
  expect(overcommit).toMatchObject({ agents: 2_048, requestShare: 0.5, limitShare: 2 });
  expect(planCapacity(fleet(2_048), host()).overcommit).toBeNull();
});

test('several fleets are planned by the average of their agents', () => {
  const demand = combine([fleet(100, asked('10M')), fleet(300, asked('30M'))]);
  expect(demand).toMatchObject({ agents: 400, likely: { memoryBytes: 25 * MIB } });
});

describe('cost', () => {
  test('is a sum for a period', () => {
    expect(parseCost('140/month')).toEqual({ amount: 140, period: 'month' });
    expect(parseCost('0.19/hour')).toEqual({ amount: 0.19, period: 'hour' });
    for (const wrong of ['140', '140/fortnight', '/month', '-1/month', '1e3/month', '140 / month'])
      expect(parseCost(wrong)).toBeNull();
  });

  test('is shared by the agents that are wanted, as far as they fit', () => {
    const cost = { amount: 140, period: 'month' };
    const plan = planCapacity(fleet(1_000, asked('32M')), host());
    expect(planCost(cost, plan)).toMatchObject({
      agents: 1_000,
      perAgent: 0.14,
      vmBytes: GIB,
      perAgentInVm: 140 / 64,
    });
    const tooMany = planCapacity(fleet(10_000, asked('64M')), host());
    expect(planCost(cost, tooMany).agents).toBe(tooMany.agents);
  });

  test('alone, an agent needs a machine that holds it and its system', () => {
    const plan = planCapacity(fleet(10, asked('600M')), host());
    expect(planCost({ amount: 64, period: 'month' }, plan)).toMatchObject({
      vmBytes: 2 * GIB,
      perAgentInVm: 2,
    });
  });

  test('is compared in words that are true also where a machine of its own would be cheaper', () => {
    const ratios = [1e-9, 0.004, 0.01, 0.3, 0.96, 1, 1.04, 1.06, 9.94, 15.6, 1_234, 1e7, 1e300];
    expect(ratios.map(describeRatio)).toEqual([
      'less than 1 % of that',
      'less than 1 % of that',
      '1 % of that',
      '30 % of that',
      'about as much',
      'about as much',
      'about as much',
      '1.1 times as much',
      '9.9 times as much',
      '16 times as much',
      '1,234 times as much',
      'more than 1,000,000 times as much',
      'more than 1,000,000 times as much',
    ]);
    const few = planCapacity(fleet(3, asked('32M')), host());
    const text = describePlan(few, planCost({ amount: 140, period: 'month' }, few));
    expect(text.replaceAll(/\s+/g, ' ')).toContain('2.19 per month, 5 % of that');
  });

  test('has digits that say something, also where it is tiny', () => {
    const plan = planCapacity(fleet(1_000, asked('32M')), host());
    const text = describePlan(plan, planCost({ amount: 0.0001, period: 'hour' }, plan));
    expect(text).toContain('= 0.0000001 per agent');
  });

  test('no agent that fits has no cost', () => {
    const none = planCapacity(fleet(10, asked('1M')), hostWith({ 'kernel.pid_max': '100' }));
    expect(planCost({ amount: 1, period: 'hour' }, none).perAgent).toBeNull();
    expect(describePlan(none, planCost({ amount: 1, period: 'hour' }, none))).toContain('no agent fits');
  });
});

test('a plan is read in 80 columns, the answer first', () => {
  const plan = planCapacity(fleet(3_000, asked('16M', '64M')), host({ cgroups: [cgroup()] }));
  const text = describePlan(plan, planCost({ amount: 140, period: 'month' }, plan));
  const lines = text.split('\n');
  expect(lines[0]).toBe('3,558 agents fit this host; memory binds first. 3,000 fit.');
  expect(lines).toContain('=      3,558  agents');
  expect(lines).toContain('       4,096  pids.max of user-1000.slice = 4106');
  for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(80);
});
