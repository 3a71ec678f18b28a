import { describe, expect, test } from 'vitest';
import { judgeGoal } from '../../src/fleet/goal.ts';
import { ImaginaryHost } from './driver.ts';
import { type Nature, WELL_BEHAVED } from './natures.ts';

const CRASHES: Nature = { ...WELL_BEHAVED, readyMs: null, crashMs: 1 };

function ready(count: number, document: object = { restart: { storm: 'off' } }): ImaginaryHost {
  const world = new ImaginaryHost(document);
  world.spawn(count);
  world.advance(60_000);
  return world;
}

describe('until the target is ready', () => {
  const judge = ({ fleet }: ImaginaryHost, target: number) => judgeGoal(fleet, { kind: 'ready', target }, []);

  test('is reached when as many agents as the target are ready', () => {
    const world = new ImaginaryHost({ rounds: { parallel: 2, delay: '1s' } });
    world.spawn(3);
    expect(judge(world, 3)).toEqual({ done: 0, of: 3, end: null });
    world.advance(500);
    expect(judge(world, 3)).toEqual({ done: 2, of: 3, end: null });
    world.advance(60_000);
    expect(judge(world, 3)).toEqual({ done: 3, of: 3, end: { exitCode: 0, message: '3 of 3 ready' } });
  });

  test('is reached only when what is too many is gone', () => {
    const world = ready(3);
    world.nature = { ...WELL_BEHAVED, stopMs: 5_000 };
    world.spawn(2);
    world.advance(1_000);
    expect(judge(world, 2).end).toBe(null);
    world.advance(5_000);
    expect(judge(world, 2).end?.exitCode).toBe(0);
  });

  test('fails when another command has set another target', () => {
    const world = ready(3);
    world.spawn(5);
    expect(judge(world, 3).end).toEqual({ exitCode: 1, message: 'another command set the target to 5' });
  });

  test('is given up when each slot that is not ready has failed three times, not when some have', () => {
    const world = new ImaginaryHost({ restart: { storm: 'off' }, rounds: { parallel: 10, delay: '0s' } });
    for (const slot of [1, 3]) world.natures.set(slot, CRASHES);
    world.spawn(4);
    while (Math.max(...[1, 3].map((slot) => world.fleet.slot(slot).failures)) < 3) world.advance(10);
    while (Math.min(...[1, 3].map((slot) => world.fleet.slot(slot).failures)) < 3) {
      expect(judge(world, 4).end).toBe(null);
      world.advance(10);
    }
    expect(judge(world, 4).end).toEqual({
      exitCode: 4,
      message: '2 of 4 ready; the other 2 failed to start',
    });
  });

  test('waits for slots that no round has come to yet', () => {
    const world = new ImaginaryHost({ restart: { storm: 'off' }, rounds: { parallel: 1, delay: '0s' } });
    world.natures.set(0, CRASHES);
    world.natures.set(1, { ...WELL_BEHAVED, readyMs: 20_000 });
    world.spawn(3);
    world.advance(15_000);
    expect(judge(world, 3).end).toBe(null);
  });

  test('is given up for slots that restart.on leaves as they are', () => {
    const world = new ImaginaryHost({ restart: { on: 'never', storm: 'off' } });
    world.natures.set(0, CRASHES);
    world.spawn(2);
    world.advance(5_000);
    expect(judge(world, 2).end?.exitCode).toBe(4);
  });

  test('is given up for a held fleet, with the reason of the hold', () => {
    const world = new ImaginaryHost();
    world.spawn(2);
    world.hold('user', 'held by fleetctl hold');
    expect(judge(world, 2).end).toEqual({
      exitCode: 4,
      message: '0 of 2 ready; held: held by fleetctl hold',
    });
  });

  test('is reached by a held fleet that is ready all the same', () => {
    const world = ready(2);
    world.hold();
    expect(judge(world, 2).end?.exitCode).toBe(0);
  });

  test('is given up where a limit of the host is in the way', () => {
    const world = new ImaginaryHost();
    world.nature = { ...WELL_BEHAVED, start: 'hits a limit' };
    world.spawn(2);
    world.settle();
    expect(judge(world, 2).end).toEqual({ exitCode: 5, message: '0 of 2 ready; no more processes' });
  });
});

describe('until slots are restarted', () => {
  const judge = ({ fleet }: ImaginaryHost, generation: number, slots: number[]) =>
    judgeGoal(fleet, { kind: 'restarted', target: fleet.target, slots: '', generation }, slots);

  test('is reached when those that are still wanted are ready again', () => {
    const world = ready(4, { rounds: { parallel: 1, delay: '1s' } });
    const generation = world.restart([0, 1, 2]);
    expect(judge(world, generation, [0, 1, 2])).toEqual({ done: 0, of: 3, end: null });
    world.advance(500);
    expect(judge(world, generation, [0, 1, 2])).toEqual({ done: 1, of: 3, end: null });
    world.killSlots([2]);
    world.advance(60_000);
    expect(judge(world, generation, [0, 1, 2]).end).toEqual({ exitCode: 0, message: '2 restarted' });
  });

  test('is not taken for reached by what a later restart replaces', () => {
    const world = ready(1);
    const first = world.restart();
    world.advance(10_000);
    const second = world.restart();
    expect(judge(world, first, [0]).end?.exitCode).toBe(0);
    expect(judge(world, second, [0]).end).toBe(null);
  });

  test('is given up when the breaker holds the fleet', () => {
    const world = ready(3, {});
    world.nature = CRASHES;
    const generation = world.restart();
    world.advance(10_000);
    expect(judge(world, generation, [0, 1, 2]).end?.exitCode).toBe(4);
  });

  test('is not given up for a limit that only slots had hit which are gone since', () => {
    const world = ready(3);
    world.natures.set(3, { ...WELL_BEHAVED, start: 'hits a limit' });
    world.spawn(4);
    world.advance(1_000);
    world.kill(1);
    world.advance(1_000);
    const generation = world.restart();
    world.settle();
    expect(judge(world, generation, [0, 1, 2]).end).toBe(null);
    world.advance(60_000);
    expect(judge(world, generation, [0, 1, 2]).end?.exitCode).toBe(0);
  });
});

describe('until slots are gone', () => {
  const judge = ({ fleet }: ImaginaryHost, slots: number[]) =>
    judgeGoal(fleet, { kind: 'gone', slots: '' }, slots);

  test('is reached when their processes are gone, and tells how many needed SIGKILL', () => {
    const world = ready(4);
    world.nature = { ...WELL_BEHAVED, stopMs: 1_000 };
    world.natures.set(3, { ...WELL_BEHAVED, stopMs: null });
    world.kill(3);
    expect(judge(world, [1, 2, 3])).toEqual({ done: 0, of: 3, end: null });
    world.advance(2_000);
    expect(judge(world, [1, 2, 3])).toEqual({ done: 2, of: 3, end: null });
    world.advance(60_000);
    expect(judge(world, [1, 2, 3]).end).toEqual({
      exitCode: 0,
      message: '3 stopped, 1 of them by SIGKILL after the grace',
    });
  });

  test('does not wait for slots that are wanted again', () => {
    const world = ready(2);
    world.kill(2);
    world.want(0, 1);
    expect(judge(world, [0, 1]).end?.exitCode).toBe(0);
  });

  test('is reached in a held fleet too', () => {
    const world = ready(2);
    world.hold();
    world.kill(1);
    world.advance(10_000);
    expect(judge(world, [1]).end).toEqual({ exitCode: 0, message: '1 stopped' });
  });
});
