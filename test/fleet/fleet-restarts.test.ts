import { expect, test } from 'vitest';
import { agentHealthy } from '../../src/fleet/transitions.ts';
import { ImaginaryHost } from './driver.ts';
import { WELL_BEHAVED } from './natures.ts';

const STORM_OFF = { storm: 'off' };
const SETTLED_MS = 60_000;

/** A fleet of so many that has been ready for long. */
function settled(count: number, document: object = {}): ImaginaryHost {
  const world = new ImaginaryHost({ restart: STORM_OFF, ...document });
  world.spawn(count);
  world.advance(SETTLED_MS * 10);
  return world;
}

test('starts again at once what ends after a stretch of health', () => {
  const world = settled(1);
  world.crash(0);
  world.settle();
  expect(world.states).toBe('starting');
  expect(world.fleet.slot(0)).toMatchObject({
    restarts: 1,
    failures: 0,
    lastExit: { code: 1, signal: null, reason: 'exited 1' },
  });
  expect(world.steps('start').at(-1)!.reason).toBe('restart: exited 1');
});

test('waits twice as long after each start that fails, up to max', () => {
  const world = new ImaginaryHost({
    restart: { backoff: { min: '1s', max: '8s' }, ...STORM_OFF },
    rounds: { parallel: 1, delay: '0s' },
  });
  world.nature = { ...WELL_BEHAVED, readyMs: null, crashMs: 10 };
  world.spawn(1);
  world.advance(60_000);
  const times = world.startTimes(0);
  for (const [i, fullMs] of [1_000, 2_000, 4_000, 8_000, 8_000].entries()) {
    const waitedMs = times[i + 1]! - times[i]! - 10;
    expect(waitedMs).toBeGreaterThanOrEqual(fullMs / 2);
    expect(waitedMs).toBeLessThanOrEqual(fullMs);
  }
  expect(world.fleet.slot(0).failures).toBeGreaterThanOrEqual(6);
});

test('counts an end within 10 s after ready as a failed start, and one later as none', () => {
  const world = settled(2);
  world.restart();
  world.advance(5_000);
  expect(world.states).toBe('ready ready');
  world.crash(0);
  world.advance(1);
  expect(world.states).toBe('backoff ready');
  world.advance(10_000);
  world.crash(1);
  world.settle();
  expect(world.fleet.slot(1)).toMatchObject({ restarts: 1, failures: 0 });
  expect(world.fleet.slot(1).agent.state).not.toBe('backoff');
});

test('begins with the shortest wait again after a stretch of health', () => {
  const world = new ImaginaryHost({ restart: STORM_OFF });
  world.nature = { ...WELL_BEHAVED, readyMs: null, crashMs: 10 };
  world.spawn(1);
  world.advance(30_000);
  expect(world.fleet.slot(0).failures).toBeGreaterThan(3);
  world.nature = WELL_BEHAVED;
  world.advance(120_000);
  expect(world.states).toBe('ready');
  world.crash(0);
  world.settle();
  expect(world.fleet.slot(0).failures).toBe(0);
});

test.each([
  ['never', { code: 1, signal: null }, 'failed'],
  ['on-failure', { code: 0, signal: null }, 'completed'],
  ['never', { code: 0, signal: null }, 'completed'],
  ['on-failure', { code: null, signal: 'SIGSEGV' }, 'starting'],
  ['always', { code: 0, signal: null }, 'backoff'],
] as const)('with restart.on: %s, a slot whose agent ended with %j is %s', (on, exit, state) => {
  const world = settled(2, { restart: { on, ...STORM_OFF } });
  world.crash(0, exit);
  world.settle();
  expect(world.fleet.slot(0).agent.state).toBe(state);
  world.advance(3_600_000);
  const isOver = state === 'failed' || state === 'completed';
  expect(world.fleet.slot(0).agent.state).toBe(isOver ? state : 'ready');
});

test('starts a slot again that had given up when a restart is asked for', () => {
  const world = settled(1, { restart: { on: 'never', ...STORM_OFF } });
  world.crash(0);
  world.settle();
  world.restart([0]);
  world.advance(1_000);
  expect(world.states).toBe('ready');
});

test('stops what is not ready in time, tells what it waited for, and counts a failed start', () => {
  const world = new ImaginaryHost({ ready: { after: '1s', timeout: '5s' }, restart: STORM_OFF });
  world.nature = { ...WELL_BEHAVED, readyMs: null };
  world.spawn(1);
  const from = world.now;
  world.advance(5_050);
  expect(world.steps('stop')).toMatchObject([
    { at: from + 5_000, cause: 'not-ready', reason: 'not ready within 5 s: not listening' },
  ]);
  expect(world.states).toBe('backoff');
  expect(world.fleet.slot(0)).toMatchObject({
    failures: 1,
    lastExit: { reason: 'exited 0; stopped: not ready within 5 s: not listening' },
  });
});

// An agent that ends with 0 when it is told to stop has not done its work for all that.
test('with restart.on: on-failure, restarts what was not ready in time although it exits 0 when stopped', () => {
  const on = { on: 'on-failure', ...STORM_OFF };
  const world = new ImaginaryHost({ ready: { after: '1s', timeout: '5s' }, restart: on });
  world.nature = { ...WELL_BEHAVED, readyMs: null };
  world.spawn(1);
  world.advance(5_050);
  expect(world.states).toBe('backoff');
});

test('with restart.on: on-failure, restarts what is unhealthy although it exits 0 when stopped', () => {
  const on = { on: 'on-failure', ...STORM_OFF };
  const world = settled(1, { health: { every: '30s', failures: 3 }, restart: on });
  world.miss(0, 3);
  world.advance(30_000);
  expect(world.states).toBe('ready');
});

test('restarts what fails its health check so many times in a row, and not before', () => {
  const world = settled(1, { health: { every: '30s', failures: 3 } });
  world.miss(0, 2);
  world.settle();
  expect(world.states).toBe('unready');
  agentHealthy(world.fleet, 0, world.now);
  expect(world.states).toBe('ready');
  world.miss(0, 2);
  world.settle();
  expect(world.steps('stop')).toEqual([]);
  world.miss(0);
  world.advance(30_000);
  expect(world.steps('stop')).toMatchObject([
    { cause: 'unhealthy', reason: '3 health checks failed: no answer' },
  ]);
  expect(world.states).toBe('ready');
});

test('counts no failed health check within health.after of ready', () => {
  const world = settled(1, { health: { every: '30s', failures: 1, after: '1m' } });
  const { agent } = world.fleet.slot(0);
  world.now = (agent as { readyAt: number }).readyAt + 59_999;
  world.miss(0, 5);
  expect(world.states).toBe('ready');
  world.now += 1;
  world.miss(0);
  expect(world.states).toBe('unready');
});

test('restarts what is unhealthy in rounds', () => {
  const world = settled(10, {
    health: { every: '30s', failures: 1 },
    rounds: { parallel: 2, delay: '1s' },
  });
  for (let slot = 0; slot < 10; slot++) world.miss(slot);
  for (let i = 0; i < 200; i++) {
    world.advance(50);
    expect(world.fleet.running).toBeGreaterThanOrEqual(8);
  }
  expect(world.states).toBe(Array(10).fill('ready').join(' '));
});

test('looks at slots again under a changed spec: what was sick by the old one may be well by the new', () => {
  const world = settled(3, { health: { every: '30s', failures: 2 }, rounds: { parallel: 1 } });
  for (const slot of [0, 1, 2]) world.miss(slot, 2);
  world.settle();
  world.spawn(3, { document: { restart: STORM_OFF } });
  world.advance(60_000);
  expect(world.steps('stop')).toHaveLength(1);
});

test('prepares a slot once, before its first start', () => {
  const world = new ImaginaryHost({ prepare: ['init'], restart: STORM_OFF });
  world.spawn(2);
  world.advance(30_000);
  expect(world.done.map((step) => `${step.do} ${'slot' in step && step.slot}`)).toEqual([
    'prepare 0',
    'prepare 1',
    'start 0',
    'start 1',
  ]);
  world.crash(0);
  world.restart([1]);
  world.advance(30_000);
  world.kill(2);
  world.advance(30_000);
  world.spawn(2);
  world.advance(30_000);
  world.replaceSupervisor();
  world.restart();
  world.advance(30_000);
  expect(world.states).toBe('ready ready');
  expect(world.steps('prepare')).toHaveLength(2);
});

test('counts a prepare that fails as a failed start, and runs it again', () => {
  const world = new ImaginaryHost({ prepare: ['init'], restart: STORM_OFF });
  world.nature = { ...WELL_BEHAVED, prepare: 'fails' };
  world.spawn(1);
  world.advance(60);
  expect(world.states).toBe('backoff');
  expect(world.fleet.slot(0)).toMatchObject({ failures: 1, lastExit: { reason: 'prepare exited 1' } });
  world.nature = WELL_BEHAVED;
  world.advance(30_000);
  expect(world.states).toBe('ready');
});

test('prepares in rounds, and starts what it prepared in the same round', () => {
  const world = new ImaginaryHost({ prepare: ['init'], rounds: { parallel: 2, delay: '10s' } });
  world.spawn(4);
  const from = world.now;
  world.advance(30_000);
  expect(world.steps('prepare', from).map(({ at }) => at - from)).toEqual([0, 0, 10_150, 10_150]);
  expect(world.startTimes(from)).toEqual([50, 50, 10_200, 10_200]);
});
