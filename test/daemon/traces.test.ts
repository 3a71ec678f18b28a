import { describe, expect, test } from 'vitest';
import {
  type Attributes,
  SPANS_MAX,
  type Span,
  TRACES_MAX,
  Traces,
} from '../../src/daemon/telemetry/traces.ts';
import type { Fleet } from '../../src/fleet/fleet.ts';
import type { Goal } from '../../src/fleet/goal.ts';
import { ImaginaryHost } from '../fleet/driver.ts';

/** A span that was begun. */
class Begun implements Span {
  problem: string | null | undefined;
  endedAt: number | null = null;
  readonly traceparent: string;
  readonly name: string;
  readonly parent: Span | null;
  readonly attributes: Record<string, unknown>;

  constructor(number: number, name: string, parent: Span | null, attributes: Attributes) {
    this.traceparent = `span ${number}`;
    this.name = name;
    this.parent = parent;
    this.attributes = { ...attributes };
  }

  end(at: number, problem: string | null, attributes: Attributes = {}): void {
    if (this.endedAt !== null) throw new Error(`${this.name} was ended twice`);
    Object.assign(this.attributes, attributes);
    this.endedAt = at;
    this.problem = problem;
  }
}

function recorded() {
  const spans: Begun[] = [];
  const traces = new Traces({
    begin: (name, parent, _at, attributes) => {
      const span = new Begun(spans.length, name, parent, attributes);
      spans.push(span);
      return span;
    },
  });
  const named = (name: string) => spans.filter((span) => span.name === name);
  return { traces, spans, named };
}

/** A fleet whose goal of so many agents is not reached yet. */
function wanting(target: number): { fleet: Fleet; goal: Goal; look: () => Fleet | null } {
  const world = new ImaginaryHost();
  world.spawn(target);
  return { fleet: world.fleet, goal: { kind: 'ready', target }, look: () => world.fleet };
}

test.each<[Goal, string]>([
  [{ kind: 'ready', target: 1 }, 'spawn'],
  [{ kind: 'gone', slots: '' }, 'kill'],
  [{ kind: 'restarted', target: 1, slots: '0', generation: 1 }, 'restart'],
  [{ kind: 'reloaded', id: 1 }, 'reload'],
  [{ kind: 'rollout', id: 1, wants: 'done' }, 'rolling-update'],
  [{ kind: 'rollout', id: 1, wants: 'rolled-back' }, 'rollback'],
])('the command of the goal %j is %s', (goal, command) => {
  const { traces, spans } = recorded();
  traces.accepted(wanting(1).fleet, goal, 0);
  expect(spans).toMatchObject([{ name: command, parent: null, attributes: { 'fleetd.target': 1 } }]);
});

describe('the start of an agent', () => {
  test('is in no trace without a command, nor while there is only a kill or a reload', () => {
    const { traces } = recorded();
    const { fleet } = wanting(1);
    expect(traces.starting(fleet, 0, 0)).toBeNull();
    traces.accepted(fleet, { kind: 'gone', slots: '0' }, 0);
    traces.accepted(fleet, { kind: 'reloaded', id: 1 }, 0);
    expect(traces.starting(fleet, 0, 0)).toBeNull();
  });

  test('ends when it is ready or has failed, and one that is tried again is another', () => {
    const { traces, named } = recorded();
    const { fleet, goal } = wanting(3);
    traces.accepted(fleet, goal, 0);
    for (const slot of [0, 1, 1, 2]) traces.starting(fleet, slot, 10);
    traces.happened('f', 'ready', 0, 'ready', 20);
    traces.happened('f', 'exit', 1, 'exited 1', 30);
    traces.happened('f', 'start-failed', 2, 'no such program', 40);
    traces.happened('f', 'exit', 0, 'exited 0', 50);
    expect(named('start').map(({ problem, endedAt }) => [problem, endedAt])).toEqual([
      [null, 20],
      ['tried again', 10],
      ['exited 1', 30],
      ['no such program', 40],
    ]);
    expect(new Set(named('start').map(({ parent }) => parent))).toEqual(new Set(named('round')));
  });

  test('that is beyond the bound is counted, and its agent gets the context of its round', () => {
    const { traces, spans, named } = recorded();
    const { fleet, goal, look } = wanting(SPANS_MAX + 10);
    traces.accepted(fleet, goal, 0);
    const contexts = Array.from({ length: SPANS_MAX + 10 }, (_, slot) => traces.starting(fleet, slot, 0));
    expect(spans).toHaveLength(1 + SPANS_MAX);
    expect(contexts.at(-1)).toBe(named('round')[0]!.traceparent);
    traces.close(9);
    expect(spans.every(({ endedAt }) => endedAt === 9)).toBe(true);
    expect(named('spawn')[0]).toMatchObject({
      problem: 'the supervisor ended',
      attributes: { 'fleetd.spans_left_out': 11 },
    });
    traces.look(look, 10);
  });
});

test('a command ends with its goal, at the time of the event that reached it', () => {
  const world = new ImaginaryHost();
  const { traces, named } = recorded();
  world.spawn(2);
  traces.accepted(world.fleet, { kind: 'ready', target: 2 }, 1_000);
  traces.look(() => world.fleet, 1_000);
  expect(named('spawn')[0]!.endedAt).toBeNull();
  world.advance(60_000);
  traces.happened('f', 'ready', 1, 'ready', 1_500);
  traces.look(() => world.fleet, 9_000);
  expect(named('spawn')[0]).toMatchObject({ endedAt: 1_500, problem: null });
  expect(traces.isIdle).toBe(true);
});

test('a command says why its goal is not reached: another command, a removed fleet, too long, too many', () => {
  const { traces, named } = recorded();
  const { fleet, goal } = wanting(3);
  traces.accepted(fleet, { kind: 'ready', target: 7 }, 0);
  traces.look(() => fleet, 300);
  traces.accepted(fleet, goal, 0);
  traces.look(() => null, 600);
  traces.accepted(fleet, goal, 0);
  traces.look(() => fleet, 2 * 24 * 3_600_000);
  for (let i = 0; i <= TRACES_MAX; i++) traces.accepted(fleet, goal, 0);
  expect(named('spawn').flatMap(({ problem }) => problem ?? [])).toEqual([
    'another command set the target to 3',
    'the fleet was removed',
    'not reached within a day',
    'more commands came than are traced',
  ]);
});

test('a batch ends with its verdict', () => {
  const world = new ImaginaryHost({ update: { batch: 2, wait: '0s' } });
  const { traces, named } = recorded();
  world.spawn(3);
  world.advance(60_000);
  world.roll('r2');
  traces.accepted(world.fleet, { kind: 'rollout', id: 1, wants: 'done' }, 0);
  for (let at = 0; at < 60_000; at += 50) {
    world.advance(50);
    traces.look(() => world.fleet, at);
  }
  expect(named('batch').map(({ attributes, problem }) => [attributes['fleetd.agents'], problem])).toEqual([
    [2, null],
    [1, null],
  ]);
  expect(named('rolling-update')[0]!.problem).toBeNull();
});
