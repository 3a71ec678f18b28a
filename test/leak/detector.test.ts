import { expect, test } from 'vitest';
import { LeakDetector, type LeakEvent, type LeakLimits, type Readings } from '../../src/leak/detector.ts';

const EVERY_MS = 10;
const KIB = 1024;
const MIB = 1024 * KIB;
const TICKS_PER_HOUR = 3_600_000 / EVERY_MS;
const LIMITS: LeakLimits = { everyMs: EVERY_MS, growthBytesPerHour: 100 * MIB, agentLimitBytes: null };

interface Agent {
  slot: number;
  startTick: number;
  release: string;
  bytes: number;
}

/** What a pass finds of these agents. */
function samples(tick: number, agents: Agent[], connectionsTotal: number | null = null): Readings {
  const releases = [...new Set(agents.map(({ release }) => release))];
  return {
    at: 1_700_000_000_000 + tick * EVERY_MS,
    slots: Uint32Array.from(agents, ({ slot }) => slot),
    rssBytes: Float64Array.from(agents, ({ bytes }) => bytes),
    startedMs: Float64Array.from(agents, ({ startTick }) => 1_700_000_000_000 + startTick * EVERY_MS),
    release: Uint16Array.from(agents, ({ release }) => releases.indexOf(release)),
    releases,
    connections: null,
    connectionsTotal,
  };
}

/** Watches agents over ticks; gives every event with its tick. */
function watchOver(
  watch: LeakDetector,
  ticks: { from: number; to: number },
  agentsAt: (tick: number) => Agent[],
): (LeakEvent & { tick: number })[] {
  const events: (LeakEvent & { tick: number })[] = [];
  for (let tick = ticks.from; tick < ticks.to; tick++) {
    const event = watch.observe(samples(tick, agentsAt(tick)), 4_096 * MIB);
    if (event) events.push({ ...event, tick });
  }
  return events;
}

/** A fleet of flat agents, of which those that `kibPerTick` says grow from tick 0 on. */
function fleet(
  size: number,
  kibPerTick: (slot: number) => number,
  from: { startTick?: number; slot?: number } = {},
) {
  return (tick: number): Agent[] =>
    Array.from({ length: size }, (_, i) => {
      const slot = (from.slot ?? 0) + i;
      const age = tick - (from.startTick ?? 0);
      const bytes = 10 * MIB + Math.floor((kibPerTick(slot) * age) / 4) * 4 * KIB;
      return { slot, startTick: from.startTick ?? 0, release: 'r1', bytes };
    });
}

const flat = () => 0;

test('names the 20 of 200 agents that leak, with the right rate, and no other', () => {
  const watch = new LeakDetector(LIMITS);
  const leaks = (slot: number) => (slot % 10 === 3 ? 40 : 0);
  const events = watchOver(watch, { from: 0, to: 60 }, fleet(200, leaks));
  const expected = Array.from({ length: 20 }, (_, i) => 10 * i + 3);
  expect(events.map(({ turn }) => turn)).toEqual(['began']);
  expect(watch.leak.verdict).toBe('leak');
  expect([...watch.leak.agents].sort((a, b) => a - b)).toEqual(expected);
  expect(watch.leak.scope).toBe('agents');
  const truth = 20 * 40 * KIB * TICKS_PER_HOUR;
  expect(Math.abs(watch.leak.bytesPerHour / truth - 1)).toBeLessThan(0.1);
  expect(watch.leak.interval!.low).toBeLessThanOrEqual(watch.leak.bytesPerHour);
  expect(watch.leak.exhaustsAt).toMatch(/^2023-11-14T/);
});

test('gives a verdict after 20 samples', () => {
  const watch = new LeakDetector(LIMITS);
  const [began] = watchOver(
    watch,
    { from: 0, to: 60 },
    fleet(20, (slot) => (slot === 5 ? 100 : 0)),
  );
  expect(began).toMatchObject({ turn: 'began', leak: { agents: [5] } });
  expect(began!.tick).toBeLessThanOrEqual(22);
});

test.each([1, 2, 10, 200])('says nothing of %i agents whose memory is constant', (size) => {
  const watch = new LeakDetector({ ...LIMITS, growthBytesPerHour: 0 });
  expect(watchOver(watch, { from: 0, to: 600 }, fleet(size, flat))).toEqual([]);
  expect(watch.leak).toMatchObject({ verdict: 'none', bytesPerHour: 0, since: null, agents: [] });
});

test('finds the one agent of a fleet of one that leaks', () => {
  const watch = new LeakDetector(LIMITS);
  watchOver(
    watch,
    { from: 0, to: 60 },
    fleet(1, () => 50),
  );
  expect(watch.leak).toMatchObject({ verdict: 'leak', agents: [0] });
});

test('without a limit nothing alarms: it is a suspicion at most', () => {
  const watch = new LeakDetector({ ...LIMITS, growthBytesPerHour: null });
  watchOver(
    watch,
    { from: 0, to: 60 },
    fleet(10, (slot) => (slot === 1 ? 100 : 0)),
  );
  expect(watch.leak.verdict).toBe('suspect');
});

test('growth below the limit is a suspicion, and is confirmed once when it passes the limit', () => {
  const limit = 40 * KIB * TICKS_PER_HOUR;
  const watch = new LeakDetector({ ...LIMITS, growthBytesPerHour: limit });
  const rate = (slot: number) => (slot === 1 ? 20 : 0);
  const slow = watchOver(watch, { from: 0, to: 100 }, fleet(10, rate));
  expect(slow.map(({ turn }) => turn)).toEqual(['began']);
  expect(watch.leak.verdict).toBe('suspect');
  const faster = (tick: number) =>
    fleet(
      10,
      rate,
    )(tick).map((agent) =>
      agent.slot === 1 ? { ...agent, bytes: agent.bytes + (tick - 100) * 80 * KIB } : agent,
    );
  expect(watchOver(watch, { from: 100, to: 300 }, faster).map(({ turn }) => turn)).toEqual(['confirmed']);
  expect(watch.leak.verdict).toBe('leak');
});

test('a leak that was restarted away ends once', () => {
  const watch = new LeakDetector(LIMITS);
  const leaks = (slot: number) => (slot === 4 ? 100 : 0);
  expect(watchOver(watch, { from: 0, to: 60 }, fleet(20, leaks)).length).toBe(1);
  const mended = fleet(20, flat, { startTick: 60 });
  expect(watchOver(watch, { from: 60, to: 200 }, mended).map(({ turn }) => turn)).toEqual(['ended']);
  expect(watch.leak).toMatchObject({ verdict: 'none', agents: [], exhaustsAt: null });
});

test('neither a scale-up nor a rolling restart is growth', () => {
  const watch = new LeakDetector({ ...LIMITS, growthBytesPerHour: 0 });
  const warmUp = (agent: Agent, tick: number) => ({
    ...agent,
    bytes: agent.bytes - 4 * KIB * Math.round(KIB * Math.exp(-(tick - agent.startTick))),
  });
  const scaled = (tick: number) =>
    [
      ...fleet(100, flat)(tick),
      ...(tick < 50 ? [] : fleet(100, flat, { startTick: 50, slot: 100 })(tick)),
    ].map((agent) => warmUp(agent, tick));
  const rolling = (tick: number) =>
    fleet(
      200,
      flat,
    )(tick).map((agent) => {
      const restartTick = 150 + Math.floor(agent.slot / 10);
      return warmUp(tick < restartTick ? agent : { ...agent, startTick: restartTick }, tick);
    });
  expect(watchOver(watch, { from: 0, to: 150 }, scaled)).toEqual([]);
  expect(watchOver(watch, { from: 150, to: 400 }, rolling)).toEqual([]);
});

test('a burst of connections that comes and goes is no growth, nor is a step that stays', () => {
  const watch = new LeakDetector({ ...LIMITS, growthBytesPerHour: 0 });
  const burst = (tick: number) =>
    fleet(
      200,
      flat,
    )(tick).map((agent) => {
      const connected = tick > 60 && tick < 80 && agent.slot % 3 === 0;
      const stepped = tick > 120 && agent.slot % 7 === 0;
      return { ...agent, bytes: agent.bytes + (connected ? 3 * MIB : 0) + (stepped ? 2 * MIB : 0) };
    });
  expect(watchOver(watch, { from: 0, to: 400 }, burst)).toEqual([]);
});

test('a fleet in which all agents leak is fleet-wide', () => {
  const watch = new LeakDetector(LIMITS);
  watchOver(
    watch,
    { from: 0, to: 80 },
    fleet(50, () => 40),
  );
  expect(watch.leak).toMatchObject({ verdict: 'leak', scope: 'fleet', cohort: null });
  const truth = 50 * 40 * KIB * TICKS_PER_HOUR;
  expect(Math.abs(watch.leak.bytesPerHour / truth - 1)).toBeLessThan(0.1);
});

test('a release whose agents grow, while those of the one before do not, is named', () => {
  const watch = new LeakDetector(LIMITS);
  const updated = (tick: number) => [
    ...fleet(80, flat)(tick),
    ...fleet(20, () => 40, { slot: 80 })(tick).map((agent) => ({ ...agent, release: 'r2' })),
  ];
  watchOver(watch, { from: 0, to: 80 }, updated);
  expect(watch.leak).toMatchObject({ verdict: 'leak', scope: 'cohort', cohort: 'r2' });
  expect(watch.leak.words).toContain('r2');
});

test('names agents above the limit of an agent, whatever the verdict', () => {
  const watch = new LeakDetector({ ...LIMITS, agentLimitBytes: 20 * MIB });
  const large = (tick: number) =>
    fleet(10, flat)(tick).map((agent) => (agent.slot === 7 ? { ...agent, bytes: 30 * MIB } : agent));
  expect(watchOver(watch, { from: 0, to: 30 }, large)).toEqual([]);
  expect(watch.leak).toMatchObject({ verdict: 'none', agents: [7] });
});

test('goes on after a restart of the supervisor from the stored passes: no event twice, none in vain', () => {
  const leaks = fleet(20, (slot) => (slot === 4 ? 100 : 0));
  const before = new LeakDetector(LIMITS);
  expect(watchOver(before, { from: 0, to: 60 }, leaks).length).toBe(1);
  const after = new LeakDetector(LIMITS);
  watchOver(after, { from: 0, to: 60 }, leaks);
  after.resume(before.leak);
  // Five passes were missed meanwhile.
  expect(watchOver(after, { from: 65, to: 120 }, leaks)).toEqual([]);
  expect(after.leak).toMatchObject({ verdict: 'leak', agents: [4], since: before.leak.since });
});
