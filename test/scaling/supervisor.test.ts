import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until, World } from '../e2e/harness.ts';
import { InspectedSupervisor } from './inspector.ts';
import { countCalls, NO_STRACE, total } from './strace.ts';

// The planner's own operations are counted in test/fleet/scaling.test.ts; here the whole supervisor is, from outside.

const [SMALL, LARGE] = process.env.FLEET_TEST_LONG ? ([1_000, 4_000] as const) : ([500, 2_000] as const);
const EXITS = 20;
const STATUSES = 5;
const MORE = 100;
const IDLE_SECONDS = 10;
/** Each agent's log is looked at once in so many seconds (src/daemon/fleet/output.ts): all that an idle agent costs. */
const LOG_CYCLE_SECONDS = 60;
/** So much more may be counted in the larger fleet for what runs at times of its own: timers, the writing of events. */
const SLACK = 1.25;
/** What the supervisor may keep in mind of an agent. */
const HEAP_BYTES_PER_AGENT = 3 * 1_024;
/** What the supervisor may call for one agent; measured: 28, 29 and 19. */
const CALLS_MAX = { exit: 45, start: 45, stop: 30 } as const;
/**
 * What it may allocate in JavaScript for one exit with its restart, one start, one stop, and one second at rest, in which
 * a sixtieth of the logs is looked at; measured: 53 to 66, 74 to 86, 24 to 43, and 16 to 69 KB.
 */
const ALLOCATED_MAX = {
  exits: 140 * 1_024,
  starts: 180 * 1_024,
  stops: 90 * 1_024,
  idle: 140 * 1_024,
} as const;
/** Long enough for what follows a start to be counted too; nothing depends on it. */
const SETTLE_MS = 1_000;
/** After it, the memory that a start has left is given back (src/daemon/frugality.ts), which is no cost of an idle agent. */
const REST_MS = 7_000;
const SETUP_TIMEOUT_MS = 900_000;

/** EXITS exits with their restarts, MORE starts, as many stops, IDLE_SECONDS at rest. */
type Work = 'exits' | 'starts' | 'stops' | 'idle';
const TIMES: Record<Work, number> = { exits: EXITS, starts: MORE, stops: MORE, idle: IDLE_SECONDS };

/** What a supervisor of so many agents does for the same work. */
interface Measured extends Record<Work | 'statuses', Map<string, number>> {
  agents: number;
  heapBytes: number;
  /** What is allocated for each once, in bytes. */
  allocated: Record<Work, number>;
}

describe.skipIf(NO_STRACE !== null)(`the supervisor, by strace${NO_STRACE ? ` (${NO_STRACE})` : ''}`, () => {
  let world: World;
  let small: Measured;
  let large: Measured;

  beforeAll(async () => {
    world = new World();
    const supervisor = await InspectedSupervisor.start(world.env);
    // Its inspector listens before it serves, and a fleetctl that comes between starts another supervisor.
    await until(() => world.isServed());
    small = await measure(world, supervisor, SMALL);
    large = await measure(world, supervisor, LARGE);
  }, SETUP_TIMEOUT_MS);
  afterAll(() => world?.dispose());

  test(`an exit and the start after it take as many system calls in a fleet of ${LARGE} as of ${SMALL}`, () => {
    expect(total(small.exits)).toBeGreaterThan(10 * EXITS);
    expect(total(large.exits)).toBeLessThan(total(small.exits) * SLACK);
    expect(total(large.exits)).toBeLessThan(CALLS_MAX.exit * EXITS);
  });

  test('an exit is one pidfd and one waitid, and no fork: that is the launcher’s', () => {
    const called = (names: string[]) =>
      names.reduce((count, name) => count + (large.exits.get(name) ?? 0), 0);
    expect([called(['clone', 'clone3', 'vfork']), called(['pidfd_open']), called(['waitid'])]).toEqual([
      0,
      EXITS,
      EXITS,
    ]);
  });

  test('a start and a stop take few system calls, in a large fleet as in a small one', () => {
    for (const { starts, stops } of [small, large]) {
      expect(total(starts)).toBeGreaterThan(5 * MORE);
      expect(total(starts)).toBeLessThan(CALLS_MAX.start * MORE);
      expect(total(stops)).toBeGreaterThan(5 * MORE);
      expect(total(stops)).toBeLessThan(CALLS_MAX.stop * MORE);
    }
  });

  test.each(Object.keys(TIMES) as Work[])(
    '%s allocate little, in a large fleet as in a small one',
    (work) => {
      for (const { allocated } of [small, large]) {
        expect(allocated[work]).toBeGreaterThan(0);
        expect(allocated[work]).toBeLessThan(ALLOCATED_MAX[work]);
      }
    },
  );

  test('an idle agent costs a look at its log a minute and nothing else', () => {
    const beside = (measured: Measured) =>
      total(measured.idle) - (measured.agents * IDLE_SECONDS) / LOG_CYCLE_SECONDS;
    expect(total(small.idle)).toBeGreaterThan(0);
    // A look at the host's memory and cgroups every few seconds, and at the room on the disk every second.
    expect(beside(large)).toBeLessThan(20 * IDLE_SECONDS);
  });

  // A sample of memory is three calls an agent: `status` renews what it can within a slice of time, and no more.
  test('status takes fewer system calls than there are agents', () => {
    expect(total(small.statuses)).toBeGreaterThan(STATUSES);
    expect(total(large.statuses) / STATUSES).toBeLessThan(large.agents);
  });

  test(`an agent takes at most ${HEAP_BYTES_PER_AGENT / 1_024} KB of the heap`, () => {
    const perAgent = (large.heapBytes - small.heapBytes) / (large.agents - small.agents);
    expect(perAgent).toBeGreaterThan(0);
    expect(perAgent).toBeLessThan(HEAP_BYTES_PER_AGENT);
  });
});

/** Brings the fleet to so many agents and counts what each kind of work takes. */
async function measure(world: World, supervisor: InspectedSupervisor, agents: number): Promise<Measured> {
  world.write('fleet.yaml', JSON.stringify(specOf(agents)));
  await world.ok('spawn', '-f', 'fleet.yaml');
  await sleep(REST_MS);
  const count = (work: () => Promise<void>) => countCalls(supervisor.pid, world.write('strace', ''), work);
  const spawn = async (target: number) => {
    await world.ok('spawn', String(target));
    await sleep(SETTLE_MS);
  };
  /** Gets each ready, and gives what is to be measured. */
  const works: Record<Work, () => Promise<() => Promise<void>>> = {
    idle: async () => () => sleep(IDLE_SECONDS * 1_000),
    exits: async () => {
      const victims = (await world.ps()).slice(-EXITS).map(({ pid }) => pid!);
      return async () => {
        for (const pid of victims) process.kill(pid, 'SIGKILL');
        // Whoever asks the supervisor makes it work, so the kernel is asked.
        await until(() => {
          const alive = new Set(world.processes());
          return alive.size === agents && !victims.some((pid) => alive.has(pid));
        });
        await sleep(SETTLE_MS);
      };
    },
    starts: async () => () => spawn(agents + MORE),
    stops: async () => () => spawn(agents),
  };
  const measured = { agents, allocated: {} } as Measured;
  for (const [name, ready] of Object.entries(works) as [Work, (typeof works)[Work]][])
    measured[name] = await count(await ready());
  for (const [name, ready] of Object.entries(works) as [Work, (typeof works)[Work]][])
    measured.allocated[name] = (await supervisor.allocatedBytes(await ready())) / TIMES[name];
  measured.statuses = await count(async () => {
    for (let i = 0; i < STATUSES; i++) await world.ok('status');
  });
  measured.heapBytes = await supervisor.heapBytes();
  return measured;
}

/** Without pacing; no pass over the fleet's memory falls into the measurement. */
function specOf(agents: number): object {
  return {
    name: 'many',
    command: ['sleep', '100000'],
    target: agents,
    rounds: { parallel: agents, delay: '0s' },
    ready: { after: '10ms' },
    restart: { backoff: { min: '1ms' }, storm: 'off' },
    leak: { every: '1h' },
  };
}
