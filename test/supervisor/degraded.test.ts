import { describe, expect, test } from 'vitest';
import { type Degraded, describeReady, judgeDegraded } from '../../src/supervisor/degraded.ts';
import { watchFleet } from '../../src/supervisor/watchdog.ts';
import { ImaginaryHost } from '../fleet/driver.ts';
import { WELL_BEHAVED } from '../fleet/natures.ts';

const PATIENCE_MS = 60_000;
const CRASHES = { ...WELL_BEHAVED, readyMs: null, crashMs: 10 };

/** Looks at a fleet every second. */
class Look {
  readonly world: ImaginaryHost;
  judged: Degraded = { isDegraded: false, otherwiseSince: null };

  constructor(document: object = {}) {
    this.world = new ImaginaryHost(document);
  }

  /** @returns whether the fleet was degraded at any look within so long */
  for(ms: number): boolean {
    let was = false;
    for (let left = ms; left > 0; left -= 1_000) {
      this.world.advance(1_000);
      this.judged = judgeDegraded(this.judged, this.watched, PATIENCE_MS, this.world.now);
      was ||= this.judged.isDegraded;
    }
    return was;
  }

  get watched() {
    return watchFleet(this.world.fleet, { strays: 0, leak: null, uncounted: null });
  }
}

describe('a fleet is degraded', () => {
  test('neither while it comes up, however long that takes, nor because an agent crashes and returns', () => {
    const look = new Look({ rounds: { parallel: 1, delay: '10s' } });
    look.world.spawn(20);
    expect(look.for(300_000)).toBe(false);
    expect(look.watched.ready).toBe(20);
    look.world.crash(3);
    expect(look.for(60_000)).toBe(false);
  });

  test('once an agent is in a crash loop, until all are ready', () => {
    const look = new Look({ restart: { storm: 'off', backoff: { min: '1s', max: '2s' } } });
    look.world.nature = CRASHES;
    look.world.spawn(1);
    expect(look.for(30_000)).toBe(true);
    expect(describeReady(look.watched)).toBe('0 of 1 ready (1 in a crash loop)');
    look.world.nature = WELL_BEHAVED;
    look.for(60_000);
    expect(look.judged.isDegraded).toBe(false);
    expect(describeReady(look.watched)).toBe('1 of 1 ready');
  });

  test('if agents are missing for longer than starts take and nothing starts, as under a hold', () => {
    const look = new Look();
    look.world.spawn(3);
    look.for(60_000);
    look.world.hold();
    look.world.crash(1);
    expect(look.for(PATIENCE_MS - 5_000)).toBe(false);
    expect(look.for(10_000)).toBe(true);
    look.world.resume();
    look.for(30_000);
    expect(look.judged.isDegraded).toBe(false);
  });

  test('no longer if for as long only agents were missing that come up', () => {
    const coming = { ...new Look().watched, target: 3, ready: 2, coming: 1 };
    const before = { isDegraded: true, otherwiseSince: null };
    const first = judgeDegraded(before, coming, PATIENCE_MS, 1_000);
    expect(first).toEqual({ isDegraded: true, otherwiseSince: 1_000 });
    expect(judgeDegraded(first, { ...coming, failing: 1 }, PATIENCE_MS, 2_000).otherwiseSince).toBeNull();
    expect(judgeDegraded(first, coming, PATIENCE_MS, 1_000 + PATIENCE_MS).isDegraded).toBe(false);
  });
});
