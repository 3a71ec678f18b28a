import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Spec } from '../../src/specification/spec.ts';
import { ImaginaryHost } from './driver.ts';
import { type Nature, WELL_BEHAVED } from './natures.ts';

const SLOTS = 8;
const DOCUMENT = {
  rounds: { parallel: 3, delay: '2s' },
  ready: { after: '1s', timeout: '5s' },
  health: { every: '1s', failures: 2 },
  restart: { on: 'always', backoff: { min: '1s', max: '20s' }, storm: { failures: '30%', within: '20s' } },
  stop: { signal: 'SIGTERM', grace: '4s', parallel: 4 },
};
/** The same with commands that precede a start, ports that have moved, other rounds, and other ways to restart. */
const DOCUMENTS = [
  DOCUMENT,
  { ...DOCUMENT, prepare: ['init'], start: { before: ['clean'] } },
  { ...DOCUMENT, ports: { base: 20_000 } },
  { ...DOCUMENT, rounds: { parallel: 1, delay: '0s' }, stop: { ...DOCUMENT.stop, parallel: 1 } },
  { ...DOCUMENT, start: { before: ['clean'] }, rounds: { ...DOCUMENT.rounds, perMinute: 20 } },
  { ...DOCUMENT, restart: { ...DOCUMENT.restart, on: 'on-failure', never: [78] } },
  { ...DOCUMENT, restart: { ...DOCUMENT.restart, maxAge: { after: '20s' }, settle: '1s' } },
  { ...DOCUMENT, restart: { ...DOCUMENT.restart, attempts: { count: 2, within: '30s' } } },
];

interface Move {
  text: string;
  make(world: ImaginaryHost): void;
}

const slot = fc.nat(SLOTS - 1);
const slots = fc.uniqueArray(slot, { minLength: 1, maxLength: 4 });

const nature: fc.Arbitrary<Nature> = fc.record({
  start: fc.constantFrom('runs', 'runs', 'runs', 'cannot be executed', 'hits a limit'),
  readyMs: fc.constantFrom(0, 100, 100, 4_900, null),
  crashMs: fc.constantFrom(null, null, 0, 50, 3_000, 15_000),
  crashExit: fc.constantFrom(
    { code: 0, signal: null },
    { code: 1, signal: null },
    { code: 78, signal: null },
    { code: null, signal: 'SIGSEGV' },
  ),
  stopMs: fc.constantFrom(0, 10, 10, 3_900, null),
  stopExit: fc.constantFrom({ code: 0, signal: null }, { code: null, signal: 'SIGTERM' }),
  prepareMs: fc.constantFrom(0, 50, 2_000),
  prepare: fc.constantFrom('succeeds', 'succeeds', 'fails', 'hits a limit'),
  before: fc.constantFrom('succeeds', 'succeeds', 'fails'),
  forks: fc.constantFrom(0, 0, 0, 1, 3),
  restMs: fc.constantFrom(0, 10, 3_900, null),
});

function move<T>(arbitrary: fc.Arbitrary<T>, name: string, make: (world: ImaginaryHost, value: T) => void) {
  return arbitrary.map(
    (value): Move => ({ text: `${name} ${JSON.stringify(value)}`, make: (world) => make(world, value) }),
  );
}

const known = (world: ImaginaryHost, numbers: number[]) =>
  numbers.filter((number) => world.fleet.slots.get(number)?.wanted);

const moves = fc.oneof(
  { weight: 4, arbitrary: move(fc.nat(SLOTS), 'spawn', (world, target) => world.spawn(target)) },
  {
    weight: 1,
    arbitrary: move(
      fc.tuple(fc.nat(SLOTS), fc.nat(DOCUMENTS.length - 1), fc.constantFrom('r1', 'r2', 'r3')),
      'respecify',
      (world, [target, document, release]) => {
        const recreate = (document === 2) !== (world.fleet.spec.ports !== null);
        world.spawn(target, { document: DOCUMENTS[document]!, release, recreate });
      },
    ),
  },
  { weight: 1, arbitrary: move(fc.nat(SLOTS), 'kill', (world, count) => world.kill(count)) },
  {
    weight: 2,
    arbitrary: move(fc.tuple(slots, fc.boolean()), 'kill slots', (world, [numbers, now]) =>
      world.killSlots(known(world, numbers), now),
    ),
  },
  {
    weight: 2,
    arbitrary: move(fc.tuple(slots, fc.boolean()), 'restart', (world, [numbers, latest]) => {
      if (!world.fleet.hold) world.restart(known(world, numbers), latest);
    }),
  },
  { weight: 1, arbitrary: move(fc.constant(null), 'hold', (world) => world.hold()) },
  { weight: 2, arbitrary: move(fc.constant(null), 'resume', (world) => world.fleet.hold && world.resume()) },
  {
    weight: 3,
    arbitrary: move(slots, 'crash', (world, numbers) => numbers.forEach((each) => void world.crash(each))),
  },
  {
    weight: 2,
    arbitrary: move(slot, 'miss', (world, number) => {
      if (world.fleet.slots.has(number)) world.miss(number, 2);
    }),
  },
  {
    weight: 3,
    arbitrary: move(fc.tuple(slot, nature), 'nature', (world, [number, its]) =>
      world.natures.set(number, its),
    ),
  },
  {
    weight: 1,
    arbitrary: move(nature, 'nature of all', (world, its) => Object.assign(world, { nature: its })),
  },
  { weight: 1, arbitrary: move(fc.constant(null), 'all well', (world) => behave(world)) },
  {
    weight: 2,
    arbitrary: move(fc.constantFrom(0, 0, 50, 8_000), 'replace supervisor', (world, awayMs) =>
      world.replaceSupervisor(awayMs),
    ),
  },
  {
    weight: 6,
    arbitrary: move(fc.constantFrom(0, 10, 100, 1_000, 5_000, 30_000), 'advance', (world, ms) =>
      world.advance(ms),
    ),
  },
);

/** From now on, everything that is started behaves; what runs can be stopped. */
function behave(world: ImaginaryHost): void {
  world.natures.clear();
  world.nature = WELL_BEHAVED;
}

/** Makes the moves; the world checks after each of them what must hold always. */
function play(list: readonly Move[]): ImaginaryHost {
  const world = new ImaginaryHost(DOCUMENT);
  for (const { make } of list) {
    make(world);
    world.settle();
  }
  return world;
}

const sequences = fc.array(
  moves.map((each) => ({ ...each, [fc.toStringMethod]: () => each.text })),
  { maxLength: 40 },
);

test('starts nothing that it must not, loses no slot and always comes to rest, whatever happens', () => {
  fc.assert(
    fc.property(sequences, (list) => void play(list).advance(60_000)),
    { numRuns: 400 },
  );
});

/** Whether a slot can be left without an agent for good. */
function mayEnd({ restart }: Spec): boolean {
  return restart.on !== 'always' || restart.attempts !== null;
}

test('comes to exactly the target once everything behaves', () => {
  fc.assert(
    fc.property(sequences, (list) => {
      const world = play(list);
      behave(world);
      if (world.fleet.hold?.by === 'user') world.resume();
      world.advance(600_000);
      const { fleet, processes } = world;
      expect(fleet.hold).toBe(null);
      expect(fleet.slots.size).toBe(fleet.target);
      // Agents that get too old are always being replaced.
      if (fleet.spec.restart.maxAge !== null) return;
      const ended = [...fleet.slots.values()].filter(({ agent }) => agent.state !== 'ready');
      // Those that their spec does not start again; everything else is ready.
      for (const { agent } of ended) expect(['completed', 'failed']).toContain(agent.state);
      if (!mayEnd(fleet.spec)) expect(ended).toEqual([]);
      const wanted = fleet.wantedSlots().difference(new Set(ended.map(({ number }) => number)));
      expect([...processes.values()].map((process) => process.slot).sort()).toEqual([...wanted].sort());
      expect(world.rests.size).toBe(0);
      for (const number of wanted) expect(world.processOf(number)!.release).toBe(fleet.slot(number).release);
    }),
    { numRuns: 400 },
  );
});
