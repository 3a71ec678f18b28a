import { describe, expect, test } from 'vitest';
import {
  agentExited,
  graceExtended,
  slotEmptied,
  stopSent,
  successionFailed,
} from '../../src/fleet/endings.ts';
import { agentStopping, mainSucceeded, startExtended } from '../../src/fleet/transitions.ts';
import { ImaginaryHost } from './driver.ts';
import { type Nature, WELL_BEHAVED } from './natures.ts';

const FORKS: Nature = { ...WELL_BEHAVED, forks: 2, restMs: 300 };
const STUBBORN: Nature = { ...FORKS, restMs: null };
const OK = { code: 0, signal: null };

/** A fleet whose agents have been ready for an hour. */
function settled(target: number, document: object = {}, nature: Nature = WELL_BEHAVED): ImaginaryHost {
  const world = new ImaginaryHost(document);
  world.nature = nature;
  world.spawn(target);
  world.advance(3_600_000);
  return world;
}

describe('what an agent leaves behind', () => {
  test('at a stop, it gets the signal and the rest of the grace', () => {
    const world = settled(1, { stop: { grace: '20s', signal: 'SIGINT' } }, { ...STUBBORN, stopMs: 5_000 });
    const from = world.now;
    world.kill(1);
    world.advance(60_000);
    expect(world.steps('terminate')).toMatchObject([{ at: from + 5_000, signal: 'SIGINT' }]);
    expect(world.steps('kill')).toMatchObject([{ at: from + 20_000 }]);
    expect(world.fleet.slots.size).toBe(0);
  });

  test('is waited for, and no longer than it takes', () => {
    const world = settled(1, {}, FORKS);
    const from = world.now;
    world.restart();
    world.advance(60_000);
    expect(world.steps('kill')).toEqual([]);
    expect(world.startTimes(from)).toEqual([310]);
    expect(world.fleet.slot(0).lastExit?.reason).toBe(
      'exited 0; 2 processes were left behind; stopped: restart requested',
    );
  });

  test('after an exit that nobody asked for, it has five seconds', () => {
    const world = settled(1, { stop: { grace: '20s' } }, STUBBORN);
    const from = world.now;
    world.crash(0);
    world.advance(60_000);
    expect(world.steps('kill')).toMatchObject([
      { at: from + 5_000, reason: 'left behind, and still running after 5 s' },
    ]);
    expect(world.startTimes(from)).toEqual([5_000]);
  });

  test('it never has longer than the grace', () => {
    const world = settled(1, { stop: { grace: '2s' } }, STUBBORN);
    const from = world.now;
    world.crash(0);
    world.advance(60_000);
    expect(world.steps('kill')).toMatchObject([{ at: from + 2_000 }]);
  });

  test('it gets no second signal if the first one went to all', () => {
    const world = settled(1, { stop: { to: 'all', grace: '20s' } }, STUBBORN);
    world.kill(1);
    world.advance(60_000);
    expect(world.steps('terminate')).toEqual([]);
    expect(world.steps('kill')).toHaveLength(1);
  });

  test('the failure that made it counts at once, though the slot is not free yet', () => {
    const world = settled(1, {}, STUBBORN);
    world.crash(0);
    world.advance(10);
    expect(world.states).toBe('clearing');
    expect(world.fleet.slot(0)).toMatchObject({ restarts: 1, lastExit: { code: 1 } });
    world.replaceSupervisor();
    world.advance(60_000);
    expect(world.states).toBe('ready');
  });
});

describe('a stop', () => {
  test('without grace kills at once, also what is being stopped already', () => {
    const world = settled(3, { stop: { grace: '10m' } }, { ...STUBBORN, stopMs: null });
    world.killSlots([0]);
    world.advance(1_000);
    expect(world.states).toBe('stopping ready ready');
    const from = world.now;
    world.killSlots([0, 2], true);
    world.advance(100);
    expect(world.steps('kill').map(({ slot }) => slot)).toEqual([0]);
    expect(world.steps('stop', from)).toMatchObject([{ slot: 2, urgent: true }]);
    expect([...world.fleet.slots.keys()]).toEqual([1]);
  });

  test('without grace survives the supervisor', () => {
    const world = settled(1, { stop: { grace: '10m' } }, { ...WELL_BEHAVED, stopMs: null });
    world.killSlots([0], true);
    world.replaceSupervisor();
    world.advance(100);
    expect(world.fleet.slots.size).toBe(0);
  });

  test('under way is shortened by a spec with a shorter grace', () => {
    const world = settled(2, { stop: { grace: '10m' } }, { ...WELL_BEHAVED, stopMs: null });
    world.kill(1);
    world.advance(5_000);
    world.spawn(1, { document: { stop: { grace: '1s' } } });
    world.advance(100);
    expect(world.steps('kill')).toMatchObject([{ slot: 1, reason: 'still running after its grace of 1 s' }]);
  });

  test('lasts longer if the agent asks for it, but not for ever', () => {
    const world = settled(1, { stop: { grace: '10s' } }, { ...WELL_BEHAVED, stopMs: null });
    const from = world.now;
    world.kill(1);
    world.advance(9_000);
    graceExtended(world.fleet, 0, 5_000, world.now);
    world.advance(4_999);
    expect(world.steps('kill')).toEqual([]);
    graceExtended(world.fleet, 0, 1e12, world.now);
    world.advance(1e6);
    expect(world.steps('kill')).toMatchObject([{ at: from + 100_000 }]);
  });

  test('by the agent itself ends as its exit says', () => {
    const world = settled(1, { restart: { on: 'on-failure' } });
    agentStopping(world.fleet, 0, world.now);
    world.settle();
    expect(world.states).toBe('stopping');
    world.crash(0, OK);
    world.settle();
    expect(world.states).toBe('completed');
    expect(world.fleet.slot(0).lastExit?.reason).toBe('exited 0');
  });
});

test('a start lasts longer if the agent asks for it, but not for ever', () => {
  const world = new ImaginaryHost({ ready: { after: '1s', timeout: '10s' } });
  world.nature = { ...WELL_BEHAVED, readyMs: null };
  world.spawn(1);
  world.settle();
  const from = world.now;
  startExtended(world.fleet, 0, 60_000, world.now);
  world.advance(59_999);
  expect(world.states).toBe('starting');
  startExtended(world.fleet, 0, 1e12, world.now);
  world.advance(60_000);
  expect(world.steps('stop')).toMatchObject([{ at: from + 100_000, cause: 'not-ready' }]);
});

describe('what precedes a start', () => {
  test('start.before runs before every start, prepare only before the first', () => {
    const world = settled(1, { prepare: ['init'], start: { before: ['clean'] } });
    world.restart();
    world.advance(60_000);
    expect(world.steps('prepare')).toHaveLength(1);
    expect(world.steps('before')).toHaveLength(2);
    expect(world.states).toBe('ready');
  });

  test('a failure of start.before is a failed start', () => {
    const world = new ImaginaryHost({ start: { before: ['clean'] }, restart: { storm: 'off' } });
    world.nature = { ...WELL_BEHAVED, before: 'fails' };
    world.spawn(1);
    world.advance(1_000);
    expect(world.fleet.slot(0).failures).toBeGreaterThan(0);
    expect(world.steps('start')).toEqual([]);
  });

  test.each([
    ['another command', { start: { before: ['clean', '-f'] } }, {}],
    ['another release', { start: { before: ['clean'] } }, { release: 'r2' }],
  ])('is ended and run again under %s', (_what, document, more) => {
    const world = new ImaginaryHost({ start: { before: ['clean'] } });
    world.nature = { ...WELL_BEHAVED, prepareMs: 1e9 };
    world.spawn(1);
    world.advance(1_000);
    world.nature = WELL_BEHAVED;
    world.spawn(1, { document, ...more });
    world.advance(5_000);
    expect(world.steps('abort')).toHaveLength(1);
    expect(world.fleet.slot(0)).toMatchObject({ failures: 0, agent: { state: 'ready' } });
  });
});

describe('an agent that has completed', () => {
  const completed = (): ImaginaryHost => {
    const world = settled(3, { restart: { on: 'on-failure' } });
    for (const slot of [0, 1, 2]) world.crash(slot, OK);
    world.settle();
    expect(world.states).toBe('completed completed completed');
    return world;
  };

  test('is not a failure, and stays so over supervisors and reboots', () => {
    const world = completed();
    expect(world.fleet.hold).toBeNull();
    expect(world.fleet.fulfilled).toBe(3);
    world.replaceSupervisor();
    world.advance(60_000);
    expect(world.states).toBe('completed completed completed');
    world.reboot();
    world.advance(60_000);
    expect(world.states).toBe('completed completed completed');
  });

  test('starts again at a restart', () => {
    const world = completed();
    world.restart([1]);
    world.advance(60_000);
    expect(world.states).toBe('completed ready completed');
    world.reboot();
    world.advance(60_000);
    expect(world.states).toBe('completed ready completed');
  });

  test('starts again on a new release', () => {
    const world = completed();
    world.roll('r2', { wait: '0s' } as never);
    world.advance(600_000);
    expect(world.states).toBe('ready ready ready');
    expect(world.fleet.rolling.record?.state).toBe('done');
  });

  test('in a batch counts as well', () => {
    const world = settled(2, { restart: { on: 'on-failure' } });
    world.releases.set('r2', { crashMs: 20_000, crashExit: OK });
    world.roll('r2');
    world.advance(600_000);
    expect(world.fleet.rolling.record).toMatchObject({ state: 'done', failures: [] });
    expect(world.states).toBe('completed completed');
  });
});

test('restart.attempts ends a slot, and a restart on request lets it start again', () => {
  const world = settled(1, { restart: { attempts: { count: 2, within: '1h' }, storm: 'off' } });
  for (let i = 0; i < 3; i++) {
    world.crash(0);
    world.advance(60_000);
  }
  expect(world.fleet.slot(0).agent).toMatchObject({
    state: 'failed',
    reason: 'exited 1; restarted 2 times within 1h (restart.attempts)',
  });
  world.replaceSupervisor();
  world.advance(60_000);
  expect(world.states).toBe('failed');
  world.restart();
  world.advance(60_000);
  expect(world.states).toBe('ready');
});

test('restart.maxAge restarts every agent before it is older, each at its own time, within the rounds', () => {
  const world = new ImaginaryHost({
    rounds: { parallel: 5, delay: '0s' },
    restart: { maxAge: { after: '1h', jitter: '20%' } },
  });
  world.spawn(100);
  world.advance(60_000);
  const from = world.now;
  world.advance(3_600_000);
  const times = world.steps('stop', from).map(({ at }) => at - from);
  expect(times).toHaveLength(100);
  expect(Math.min(...times)).toBeGreaterThan(0.79 * 3_600_000 - 60_000);
  expect(new Set(times.map((at) => Math.floor(at / 60_000))).size).toBeGreaterThan(8);
  expect(world.steps('stop')[0]!.reason).toMatch(/^\d+m( \d+s)? old \(restart\.maxAge 1h\)$/);
});

test('rounds.perMinute bounds all starts of any minute', () => {
  const world = new ImaginaryHost({ rounds: { parallel: 50, delay: '0s', perMinute: 10 } });
  const from = world.now;
  world.spawn(30);
  world.advance(90_000);
  world.restart([0, 1, 2]);
  world.advance(300_000);
  const times = world.startTimes(from);
  expect(times).toHaveLength(33);
  for (const [i, at] of times.entries())
    if (i >= 10) expect(at - times[i - 10]!).toBeGreaterThanOrEqual(60_000);
  expect(world.states).toBe(Array(30).fill('ready').join(' '));
});

describe('a main process with a successor', () => {
  const PID_FILE = { pidFile: '{dir}/app.pid', restart: { on: 'on-failure' } };
  const orphaned = (): ImaginaryHost => {
    const world = settled(1, PID_FILE);
    agentExited(world.fleet, 0, OK, 'now', world.now, 2);
    expect(world.states).toBe('orphaned');
    return world;
  };

  test('goes on as it was', () => {
    const world = orphaned();
    const { restarts } = world.fleet.slot(0);
    mainSucceeded(world.fleet, 0, { pid: 4711, startTicks: 7 }, world.now);
    expect(world.fleet.slot(0)).toMatchObject({ restarts, agent: { state: 'ready', run: { pid: 4711 } } });
  });

  test('has ended if none is named in time', () => {
    const { fleet, now } = orphaned();
    successionFailed(fleet, 0, now);
    expect(fleet.slot(0).agent).toMatchObject({ state: 'clearing', next: { state: 'completed' } });
    slotEmptied(fleet, 0, now);
    expect(fleet.slot(0).agent.state).toBe('completed');
  });

  test('has ended if nothing of it lives any more', () => {
    const { fleet, now } = orphaned();
    slotEmptied(fleet, 0, now);
    expect(fleet.slot(0).agent).toMatchObject({ state: 'completed', reason: 'exited 0' });
  });

  test('is not awaited while it is being stopped', () => {
    const world = settled(1, PID_FILE);
    stopSent(world.fleet, 0, { cause: 'unwanted', reason: '' }, 'signalled', world.now);
    agentExited(world.fleet, 0, OK, 'now', world.now, 2);
    expect(world.states).toBe('clearing');
  });
});
