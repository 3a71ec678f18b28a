import { describe, expect, test } from 'vitest';
import { AdaptiveLimit } from '../../src/plan/adaptive.ts';
import { unitHash } from '../../src/plan/restart.ts';

/** A registry that serves one registration at a time, with a bounded queue whose entries give up. */
interface Registry {
  /** Registrations a second, at a time in milliseconds. */
  capacityAt: (now: number) => number;
  queueMax: number;
  timeoutMs: number;
}

interface Outcome {
  tookMs: number;
  idealMs: number;
  failed: number;
  /** The limit after each agent that got ready. */
  limits: number[];
}

/** Starts `count` agents, each up after about `startMs` and ready once it is registered; one that fails comes back after 1 s. */
function simulate(count: number, startMs: number, registry: Registry): Outcome {
  const control = new AdaptiveLimit(15, { min: 1, max: 500 });
  const events: { at: number; happen: () => void }[] = [];
  const queue: { startedAt: number; isGone: boolean }[] = [];
  const limits: number[] = [];
  let now = 0;
  let seed = 0;
  let pending = count;
  let starting = 0;
  let done = 0;
  let failed = 0;
  let isServing = false;
  const after = (ms: number, happen: () => void) => {
    const at = now + ms;
    const index = events.findIndex((event) => event.at > at);
    events.splice(index < 0 ? events.length : index, 0, { at, happen });
  };
  const fill = () => {
    for (; pending > 0 && starting < control.limit; pending--) start();
  };
  const fail = () => {
    failed++;
    starting--;
    control.failed('it exited', now);
    after(1_000, () => {
      pending++;
      fill();
    });
    fill();
  };
  const serve = () => {
    const next = queue.find(({ isGone }) => !isGone);
    if (isServing || !next) return;
    queue.splice(0, queue.indexOf(next) + 1);
    isServing = true;
    after(1000 / registry.capacityAt(now), () => {
      isServing = false;
      if (!next.isGone) {
        next.isGone = true;
        starting--;
        done++;
        control.ready(now - next.startedAt, pending > 0, now);
        limits.push(control.limit);
        fill();
      }
      serve();
    });
  };
  const start = () => {
    const startedAt = now;
    starting++;
    after(startMs * (0.7 + 0.6 * unitHash(seed++)), () => {
      if (queue.filter(({ isGone }) => !isGone).length >= registry.queueMax) return fail();
      const entry = { startedAt, isGone: false };
      queue.push(entry);
      after(registry.timeoutMs, () => {
        if (entry.isGone) return;
        entry.isGone = true;
        fail();
      });
      serve();
    });
  };
  fill();
  while (done < count) {
    const event = events.shift()!;
    now = event.at;
    event.happen();
  }
  let idealMs = 0;
  for (let served = 0; served < count; idealMs += 10) served += registry.capacityAt(idealMs) / 100;
  return { tookMs: now, idealMs, failed, limits };
}

const steady = (capacity: number): Registry => ({
  capacityAt: () => capacity,
  queueMax: 200,
  timeoutMs: 10_000,
});

describe('a registry of', () => {
  test.each([
    [5, 300],
    [50, 1_000],
    [500, 3_000],
  ])('%i a second is kept busy, and nobody times out there', (capacity, count) => {
    const { tookMs, idealMs, failed } = simulate(count, 60, steady(capacity));
    expect(tookMs / idealMs).toBeLessThan(1.15);
    expect(failed).toBe(0);
  });

  test('half the capacity midway is followed down', () => {
    const halves = { ...steady(0), capacityAt: (now: number) => (now < 15_000 ? 100 : 50) };
    const { tookMs, idealMs, failed, limits } = simulate(3_000, 60, halves);
    expect(tookMs / idealMs).toBeLessThan(1.15);
    expect(failed / 3_000).toBeLessThan(0.005);
    expect(limits.at(-1)).toBeLessThan(limits[1_000]!);
  });

  test('twice the capacity midway is followed up', () => {
    const doubles = { ...steady(0), capacityAt: (now: number) => (now < 15_000 ? 50 : 200) };
    const { tookMs, idealMs, failed } = simulate(3_000, 60, doubles);
    expect(tookMs / idealMs).toBeLessThan(1.2);
    expect(failed).toBe(0);
  });

  test('a steady capacity leads to a steady limit', () => {
    const { limits } = simulate(2_000, 60, steady(50));
    const settled = limits.slice(500);
    expect(Math.max(...settled) - Math.min(...settled)).toBeLessThanOrEqual(4);
  });
});

test('begins at `parallel` and stays within its bounds', () => {
  const control = new AdaptiveLimit(15, { min: 1, max: 20 });
  expect(control.limit).toBe(15);
  for (let i = 0; i < 500; i++) control.ready(50, true, i * 10);
  expect(control.limit).toBeLessThanOrEqual(20);
  for (let i = 0; i < 20; i++) control.failed('no', 10_000 * (i + 1));
  expect(control.limit).toBe(1);
  expect(control.state.reason).toBe('halved: no');
});

test('many failures at once are one failure', () => {
  const control = new AdaptiveLimit(100, { min: 1, max: 500 });
  for (let i = 0; i < 100; i++) control.ready(200, true, 1_000 + i);
  const before = control.limit;
  for (let i = 0; i < 50; i++) control.failed('timeout', 2_000 + i);
  expect(control.limit).toBe(Math.round(before / 2));
});

test('says nothing about a limit that was not reached', () => {
  const control = new AdaptiveLimit(15, { min: 1, max: 500 });
  for (let i = 0; i < 500; i++) control.ready(50, false, i * 10);
  expect(control.limit).toBe(15);
});
