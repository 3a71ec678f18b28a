import { describe, expect, test } from 'vitest';
import type { WatchedFleet } from '../../src/supervisor/watchdog.ts';
import { judgeWatch, watchFleet } from '../../src/supervisor/watchdog.ts';
import { ImaginaryHost } from '../fleet/driver.ts';
import { WELL_BEHAVED } from '../fleet/natures.ts';

const GIB = 2 ** 30;
const MEMORY = { totalBytes: 64 * GIB, availableBytes: 32 * GIB, pressurePercent: 0 };

const NOTHING = { strays: 0, leak: null, uncounted: null };

function watched(changes: Partial<WatchedFleet> = {}): WatchedFleet {
  const counts = { completed: 0, coming: 0, unready: 0, failing: 0, looping: 0, failed: 0 };
  return {
    name: 'web',
    target: 3000,
    ready: 3000,
    ...counts,
    held: null,
    blocked: null,
    ...NOTHING,
    ...changes,
  };
}

describe('the numbers of a fleet', () => {
  test('a fleet that comes up is on its way, and all of it is ready after that', () => {
    const world = new ImaginaryHost({ rounds: { parallel: 2, delay: '1s' } });
    world.spawn(10);
    world.advance(1);
    expect(watchFleet(world.fleet, NOTHING)).toMatchObject({ target: 10, ready: 0, coming: 10, failing: 0 });
    world.advance(60_000);
    expect(watchFleet(world.fleet, { ...NOTHING, strays: 2 })).toMatchObject({
      ready: 10,
      coming: 0,
      strays: 2,
      held: null,
    });
  });

  test('what fails is no progress: first failing, then a crash loop', () => {
    const world = new ImaginaryHost({ restart: { storm: 'off', backoff: { min: '1s', max: '5m' } } });
    world.nature = { ...WELL_BEHAVED, readyMs: null, crashMs: 10 };
    world.spawn(1);
    world.advance(100);
    expect(watchFleet(world.fleet, NOTHING)).toMatchObject({ coming: 0, failing: 1, looping: 0 });
    world.advance(60_000);
    expect(watchFleet(world.fleet, NOTHING)).toMatchObject({ coming: 0, failing: 0, looping: 1 });
  });

  test('every wanted slot is counted once, and one that is not wanted never', () => {
    const world = new ImaginaryHost();
    world.spawn(5);
    world.advance(60_000);
    world.fleet.unwant(4, world.now);
    const { target, ready, coming, unready, failing, looping, failed } = watchFleet(world.fleet, NOTHING);
    expect(target).toBe(4);
    expect(ready + coming + unready + failing + looping + failed).toBe(4);
  });

  test('a hold and its reason are told', () => {
    const world = new ImaginaryHost({ restart: { storm: { failures: 1, within: '1m' } } });
    world.nature = { ...WELL_BEHAVED, readyMs: null, crashMs: 10 };
    world.spawn(3);
    world.advance(1_000);
    expect(watchFleet(world.fleet, NOTHING).held).toContain('failed to start');
  });
});

describe('the verdict', () => {
  test('is ok where everything is ready, in one line', () => {
    const { verdict, summary, alarms } = judgeWatch([watched()], MEMORY, null);
    expect({ verdict, summary, alarms }).toEqual({
      verdict: 'ok',
      summary: 'web 3000 of 3000 ready',
      alarms: [],
    });
  });

  test('is ok without any fleet', () => {
    expect(judgeWatch([], MEMORY, null)).toMatchObject({ verdict: 'ok', summary: 'no fleets' });
  });

  test('is ok while a fleet comes up, and says so', () => {
    expect(judgeWatch([watched({ ready: 1200, coming: 1800 })], MEMORY, null)).toMatchObject({
      verdict: 'ok',
      summary: 'web 1200 of 3000 ready; web: 1800 coming up',
    });
  });

  test.each<[Partial<WatchedFleet>, string]>([
    [{ ready: 2990, failing: 3, looping: 7 }, 'web 2990 of 3000 ready (3 failing, 7 in a crash loop)'],
    [{ ready: 2999, unready: 1 }, 'web 2999 of 3000 ready (1 unready)'],
    [{ ready: 2999, failed: 1 }, 'web 2999 of 3000 ready (1 failed)'],
    [{ held: 'by fleetctl hold' }, 'web is held: by fleetctl hold'],
    [{ leak: 'The fleet leaks.' }, 'web: The fleet leaks.'],
    [{ uncounted: '2,000 counted of 3,000 ready' }, 'web: 2,000 counted of 3,000 ready'],
    [{ ready: 0, coming: 3000, blocked: 'EAGAIN; pids.max' }, 'web starts no agents: EAGAIN; pids.max'],
  ])('is degraded by %j', (changes, alarm) => {
    expect(judgeWatch([watched(changes)], MEMORY, null)).toMatchObject({
      verdict: 'degraded',
      alarms: [alarm],
      summary: alarm,
    });
  });

  test('is degraded where memory is short or tasks wait for it, whatever the fleets do', () => {
    const short = { ...MEMORY, availableBytes: 3 * GIB };
    expect(judgeWatch([watched()], short, null).alarms).toEqual(['only 4 % of memory is available']);
    const stalled = { ...MEMORY, pressurePercent: 40 };
    expect(judgeWatch([watched()], stalled, null).alarms).toEqual(['tasks wait for memory 40 % of the time']);
    expect(judgeWatch([watched()], { ...MEMORY, pressurePercent: null }, null).verdict).toBe('ok');
  });

  test('strays are worth a note, and no alarm', () => {
    expect(judgeWatch([watched({ strays: 1 })], MEMORY, null)).toMatchObject({
      verdict: 'ok',
      summary: 'web 3000 of 3000 ready; web: 1 stray (fleetctl strays)',
    });
  });

  test('rests during maintenance, which is said first, with what would be an alarm', () => {
    const until = '2026-03-01T10:00:00.000Z';
    expect(judgeWatch([watched({ ready: 2999, failed: 1 })], MEMORY, { until })).toMatchObject({
      verdict: 'maintenance',
      summary: `alarms are silenced until ${until}; web 2999 of 3000 ready (1 failed)`,
      alarms: ['web 2999 of 3000 ready (1 failed)'],
    });
  });
});
