import { describe, expect, test } from 'vitest';
import { runOf } from '../../src/fleet/agent.ts';
import { decideReload, decideReloadProgress } from '../../src/fleet/decide/reload.ts';
import { judgeGoal } from '../../src/fleet/goal.ts';
import type { Outcome, ReloadRecord } from '../../src/fleet/reload/record.ts';
import { Reloading } from '../../src/fleet/reload/reloading.ts';
import { ImaginaryHost } from './driver.ts';

const LOOK_MS = 250;
const WELL: Reaction = { refusal: null, check: null };
const DOCUMENT = {
  reload: { signal: 'SIGHUP' },
  rounds: { parallel: 2, delay: '1s' },
  ready: { notify: true, timeout: '5s' },
  restart: { storm: 'off', backoff: { min: '1m' } },
};

/** How an agent takes a reload. */
interface Reaction {
  refusal: string | null;
  /** What its ready check says after it. */
  check: string | null;
}

/** An imaginary fleet that is reloaded, with what the executor of reloads does. */
class ReloadedFleet extends ImaginaryHost {
  readonly reactions = new Map<number, Reaction>();
  /** The batches that were begun: their slots. */
  readonly batches: number[][] = [];
  readonly found = new Map<number, Outcome>();
  reloading: Reloading | null = null;

  constructor(count: number, document: object = {}) {
    super({ ...DOCUMENT, ...document });
    this.spawn(count);
    this.advance(60_000);
  }

  get record(): ReloadRecord {
    return this.fleet.record.reload!;
  }

  /** Requests a reload. @throws FleetError */
  reload(slots?: string): void {
    const request = slots === undefined ? {} : { slots };
    this.commit(decideReload(this.fleet, request, this.now).change);
    this.begin();
  }

  /** A supervisor takes it up, the first or the next. */
  begin(): void {
    this.reloading = new Reloading(this.record, this.now);
    this.look();
  }

  /** Checks, judges, and begins what is due. */
  look(): void {
    const reloading = this.reloading!;
    for (const slot of reloading.toBeChecked)
      reloading.trial(slot)!.checked((this.reactions.get(slot) ?? WELL).check, this.now);
    const { begin, found } = reloading.turn(this.fleet, this.now);
    for (const [slot, outcome] of found) this.found.set(slot, outcome);
    if (reloading.record !== this.record) {
      this.commit(decideReloadProgress(this.fleet, reloading.record, null));
      reloading.record = this.record;
    }
    if (begin.length > 0) this.batches.push(begin.map(({ slot }) => slot));
    for (const trial of begin) {
      trial.begun(this.now);
      trial.acted((this.reactions.get(trial.slot) ?? WELL).refusal);
    }
  }

  /** Lets time pass, with a look every LOOK_MS. */
  pass(ms: number): void {
    for (let passed = 0; passed < ms && this.record.state === 'running'; passed += LOOK_MS) {
      this.advance(LOOK_MS);
      this.look();
    }
  }

  judge() {
    return judgeGoal(this.fleet, { kind: 'reloaded', id: this.record.id }, []);
  }

  /** The agent of a slot ends, after the reload was told as the runner does. */
  ends(slot: number): void {
    this.reloading!.trial(slot)?.exited(this.fleet.slot(slot).agent);
    this.crash(slot);
  }
}

describe('batches', () => {
  test('are as large as a round; the next one begins after the checks have passed and the delay', () => {
    const world = new ReloadedFleet(5);
    world.reload();
    expect(world.batches).toEqual([[0, 1]]);
    world.pass(LOOK_MS);
    expect(world.judge()).toEqual({ done: 0, of: 5, end: null });
    world.pass(LOOK_MS);
    expect(world.judge()).toEqual({ done: 2, of: 5, end: null });
    world.pass(750);
    expect(world.batches).toHaveLength(1);
    world.pass(LOOK_MS);
    expect(world.batches).toEqual([
      [0, 1],
      [2, 3],
    ]);
    world.pass(60_000);
    expect(world.batches).toEqual([[0, 1], [2, 3], [4]]);
    expect(world.judge()).toEqual({ done: 5, of: 5, end: { exitCode: 0, message: '5 reloaded' } });
  });

  test('are as large as the adaptive limit', () => {
    const world = new ReloadedFleet(9, { rounds: { parallel: 4, adaptive: true, parallelMax: 4 } });
    world.reload();
    expect(world.batches[0]).toHaveLength(world.fleet.adaptive!.limit);
  });

  test('leave room for agents that are starting, but are never empty', () => {
    const world = new ReloadedFleet(6, { rounds: { parallel: 3, delay: '0s' } });
    world.nature = { ...world.nature, readyMs: 100_000 };
    world.restart([4, 5]);
    world.advance(100);
    world.reload('0-3');
    expect(world.batches).toEqual([[0]]);
    world.spawn(9);
    world.advance(100);
    world.pass(60_000);
    expect(world.batches).toEqual([[0], [1], [2], [3]]);
  });

  test('have the named slots alone', () => {
    const world = new ReloadedFleet(5);
    world.reload('1,4');
    world.pass(60_000);
    expect(world.batches).toEqual([[1, 4]]);
    expect(world.record).toMatchObject({ state: 'done', slots: '1,4', reloaded: '1,4' });
  });

  test('of a fleet without agents are none', () => {
    const world = new ReloadedFleet(0);
    world.reload();
    expect(world.judge().end).toEqual({ exitCode: 0, message: '0 reloaded' });
  });
});

describe('the first batch with a failure ends a reload', () => {
  test('because the reload itself is refused', () => {
    const world = new ReloadedFleet(6);
    world.reactions.set(2, { refusal: 'reload.exec: exit code 1', check: null });
    world.reload();
    world.pass(60_000);
    expect(world.batches).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(world.record).toMatchObject({
      state: 'failed',
      reloaded: '0-1,3',
      failed: [{ slot: 2, reason: 'reload.exec: exit code 1' }],
    });
    expect(world.judge().end).toEqual({
      exitCode: 1,
      message: '3 reloaded, 1 failed (slot 2: reload.exec: exit code 1), 2 not touched',
    });
  });

  test('because an agent ends, whatever the others of its batch still need', () => {
    const world = new ReloadedFleet(4);
    world.reactions.set(1, { refusal: null, check: 'port 80 is not open' });
    world.reload();
    world.ends(0);
    world.pass(4_000);
    expect(world.record.state).toBe('running');
    world.pass(60_000);
    expect(world.record.failed).toEqual([
      { slot: 0, reason: 'it ended: exited 1' },
      { slot: 1, reason: 'not ready within 5 s after its reload: port 80 is not open' },
    ]);
    expect(world.batches).toHaveLength(1);
  });

  test('because an agent ends before the next batch begins', () => {
    const world = new ReloadedFleet(4);
    world.reload();
    world.pass(2 * LOOK_MS);
    expect(world.record.reloaded).toBe('0-1');
    world.ends(1);
    world.pass(LOOK_MS);
    expect(world.record).toMatchObject({ state: 'failed', reloaded: '0', failed: [{ slot: 1 }] });
  });

  test('because an agent says STOPPING=1, or fails its health checks', () => {
    for (const cause of ['itself', 'unhealthy'] as const) {
      const world = new ReloadedFleet(2);
      world.reload();
      const { agent } = world.fleet.slot(0);
      world.reloading!.trial(0)!.exited({
        state: 'stopping',
        run: runOf(agent)!,
        cause,
        reason: cause,
        readyAt: null,
        since: 0,
        extendedTo: 0,
        phase: 'signalled',
      });
      world.crash(0);
      world.pass(LOOK_MS);
      world.pass(60_000);
      expect(world.record.failed).toEqual([{ slot: 0, reason: cause }]);
    }
  });
});

describe('the check after a reload', () => {
  test('must pass for a while from its first pass on', () => {
    const world = new ReloadedFleet(1);
    world.reactions.set(0, { refusal: null, check: 'refused' });
    world.reload();
    world.pass(1_000);
    world.reactions.set(0, WELL);
    world.pass(LOOK_MS);
    world.reactions.set(0, { refusal: null, check: 'refused' });
    world.pass(LOOK_MS);
    world.reactions.set(0, WELL);
    world.pass(LOOK_MS);
    expect(world.record.state).toBe('running');
    world.pass(LOOK_MS);
    expect(world.record.state).toBe('done');
  });

  test('passes at once if the agent says READY=1 after its reload, and not while it says RELOADING=1', () => {
    const says = (ready: boolean, reloading: boolean) =>
      ({ ready, reloading, watchdog: false, stopping: false, mainPid: null, extendMs: null }) as const;
    const world = new ReloadedFleet(1);
    world.reload();
    const trial = world.reloading!.trial(0)!;
    trial.notified(says(true, false));
    trial.notified(says(false, true));
    world.pass(LOOK_MS);
    expect(world.record.state).toBe('running');
    const quick = new ReloadedFleet(1);
    quick.reload();
    quick.reloading!.trial(0)!.notified(says(true, true));
    quick.pass(LOOK_MS);
    expect(quick.record.state).toBe('done');
  });

  test('is that the agent still runs after the time of `after`', () => {
    const world = new ReloadedFleet(1, { ready: { after: '3s' } });
    world.reload();
    world.pass(3_000);
    expect(world.record.state).toBe('running');
    world.pass(LOOK_MS);
    expect(world.record.state).toBe('done');
  });

  test('has the time of ready.timeout from the moment that the reload of the agent begins', () => {
    const world = new ReloadedFleet(1);
    world.reactions.set(0, { refusal: null, check: 'READY=1 not received' });
    world.reload();
    world.pass(4_750);
    expect(world.record.state).toBe('running');
    world.pass(LOOK_MS);
    expect(world.record.failed).toHaveLength(1);
  });
});

describe('an agent that still starts when the reload is requested', () => {
  const starting = (readyMs: number | null) => {
    const world = new ReloadedFleet(4);
    world.nature = { ...world.nature, readyMs };
    world.restart([0]);
    while (world.fleet.slot(0).agent.state !== 'starting') world.advance(LOOK_MS);
    world.advance(LOOK_MS);
    world.reload();
    return world;
  };

  test('may have read the old configuration: it is reloaded once it is ready', () => {
    const world = starting(4_000);
    world.pass(60_000);
    expect(world.batches).toEqual([[1], [2], [3], [0]]);
    expect(world.record).toMatchObject({ state: 'done', reloaded: '0-3', skipped: '' });
  });

  test('is skipped if it fails', () => {
    const world = starting(null);
    world.pass(60_000);
    expect(world.record).toMatchObject({ state: 'done', reloaded: '1-3', skipped: '0' });
  });
});

describe('an agent is skipped', () => {
  test('if nothing runs, or it was started since', () => {
    const world = new ReloadedFleet(6);
    for (const _ of ['while it serves', 'and while it starts']) {
      world.crash(0);
      world.advance(1);
    }
    world.reload();
    expect(world.found.get(0)).toEqual({ is: 'skipped', reason: 'backoff' });
    world.restart([5]);
    world.pass(60_000);
    expect(world.found.get(5)).toEqual({ is: 'skipped', reason: 'started since' });
    expect(world.judge().end).toEqual({ exitCode: 0, message: '4 reloaded, 2 skipped' });
  });

  test('if another command stops or restarts it meanwhile', () => {
    const world = new ReloadedFleet(4);
    world.nature = { ...world.nature, stopMs: 10_000 };
    world.reload();
    world.killSlots([0]);
    world.restart([1]);
    world.advance(1);
    world.look();
    expect(world.found.get(0)).toEqual({ is: 'skipped', reason: 'no longer wanted' });
    expect(world.found.get(1)).toEqual({ is: 'skipped', reason: 'restart requested' });
    world.pass(60_000);
    expect(world.record).toMatchObject({ state: 'done', reloaded: '2-3', skipped: '0-1' });
  });

  test('if its release has no reload; a reload of such agents alone is a failure', () => {
    const world = new ReloadedFleet(2, { reload: undefined });
    world.spawn(3, { document: DOCUMENT, release: 'r2' });
    world.advance(60_000);
    world.reload();
    world.pass(60_000);
    expect(world.found.get(0)).toMatchObject({
      is: 'skipped',
      reason: 'the spec of its release has no reload',
    });
    expect(world.record).toMatchObject({ reloaded: '2', skipped: '0-1' });
    world.reload('0');
    expect(world.judge().end).toEqual({ exitCode: 1, message: '0 reloaded, 1 skipped' });
  });
});

describe('a reload', () => {
  const code = (work: () => void) => {
    try {
      work();
      return null;
    } catch (error) {
      return (error as { code: string }).code;
    }
  };

  test('is refused without `reload`, for unknown slots, during another one and during a rollout', () => {
    expect(code(() => new ReloadedFleet(2, { reload: undefined }).reload())).toBe('USAGE');
    const world = new ReloadedFleet(3);
    expect(code(() => world.reload('7'))).toBe('SLOT_UNKNOWN');
    world.reload();
    expect(code(() => world.reload())).toBe('BUSY');
    const rolling = new ReloadedFleet(3);
    rolling.roll('r2');
    expect(code(() => rolling.reload())).toBe('BUSY');
  });

  test('of a held fleet goes on; a hold or a rollout that comes later ends it after the batch', () => {
    const world = new ReloadedFleet(4);
    world.hold();
    world.advance(LOOK_MS);
    world.reload();
    world.pass(60_000);
    expect(world.record.state).toBe('done');

    const held = new ReloadedFleet(4);
    held.reload();
    held.hold();
    held.pass(60_000);
    expect(held.judge().end).toEqual({
      exitCode: 1,
      message: '2 reloaded, 2 not touched: the fleet was held: held by fleetctl hold',
    });

    const rolled = new ReloadedFleet(4);
    rolled.nature = { ...rolled.nature, stopMs: 1_000 };
    rolled.reload();
    rolled.roll('r2', { waitMs: 600_000, batch: { count: 1 } });
    rolled.pass(60_000);
    expect(rolled.record).toMatchObject({ state: 'failed', reason: 'a rollout began' });
  });

  test('is continued by the next supervisor, which reloads the batch that was under way again', () => {
    const world = new ReloadedFleet(5);
    world.reload();
    world.pass(1_500);
    expect(world.batches).toEqual([
      [0, 1],
      [2, 3],
    ]);
    world.begin();
    world.pass(60_000);
    expect(world.batches).toEqual([[0, 1], [2, 3], [2, 3], [4]]);
    expect(world.record).toMatchObject({ state: 'done', reloaded: '0-4' });
  });

  test('that was replaced by another one has failed for who waits for it', () => {
    const world = new ReloadedFleet(1);
    world.reload();
    world.pass(60_000);
    world.reload();
    expect(judgeGoal(world.fleet, { kind: 'reloaded', id: 1 }, []).end?.exitCode).toBe(1);
  });

  test('survives a spawn', () => {
    const world = new ReloadedFleet(3);
    world.reload();
    world.spawn(5, { document: { ...DOCUMENT, labels: { a: 'b' } } });
    expect(world.record.state).toBe('running');
  });
});
