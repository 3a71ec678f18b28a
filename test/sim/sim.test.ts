import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { FleetRunner } from '../../src/daemon/fleet/runner.ts';
import { Reloads } from '../../src/daemon/watches/reloads.ts';
import type * as Endings from '../../src/fleet/endings.ts';
import { agentExited } from '../../src/fleet/endings.ts';
import { Fleet } from '../../src/fleet/fleet.ts';
import { Rounds } from '../../src/fleet/rounds.ts';
import type * as Time from '../../src/fleet/time.ts';
import { RunStore } from '../../src/store/runs.ts';
import { WantedStore } from '../../src/store/wanted.ts';
import { FakeFiles } from './fake-files.ts';
import { Kernel } from './kernel.ts';
import { run } from './run.ts';

const RUNS = Number(process.env.FLEET_SIM_RUNS ?? 2_000);
/** One run to be replayed, with all its steps if it fails. */
const SEED = Number(process.env.FLEET_SIM_SEED ?? 0);
const RUNS_A_TEST = 500;
/** A run takes 20 ms; on a busy machine much more. */
const RUN_MS_MAX = 500;

// Where there is a file system in memory, fsync costs nothing.
const directory = mkdtempSync(`${existsSync('/dev/shm') ? '/dev/shm' : tmpdir()}/fleet-sim-`);
afterAll(() => rmSync(directory, { recursive: true, force: true }));
afterEach(() => {
  vi.restoreAllMocks();
  for (const name of Object.keys(mutated)) delete mutated[name as keyof typeof mutated];
});

/** Defects that are built in for a test, in place of the functions of these names. */
const mutated = vi.hoisted(
  () => ({}) as { nextDue?: typeof Time.nextDue; stopSent?: typeof Endings.stopSent },
);
vi.mock('../../src/fleet/time.ts', async (original) => {
  const real = await original<typeof Time>();
  const nextDue: typeof Time.nextDue = (...of) => (mutated.nextDue ?? real.nextDue)(...of);
  return { ...real, nextDue };
});
vi.mock('../../src/fleet/endings.ts', async (original) => {
  const real = await original<typeof Endings>();
  const stopSent: typeof Endings.stopSent = (...of) => (mutated.stopSent ?? real.stopSent)(...of);
  return { ...real, stopSent };
});

if (SEED > 0) {
  test(`keeps every promise, seed ${SEED}`, async () => {
    const { steps } = await run(SEED, directory, Number.POSITIVE_INFINITY);
    process.stdout.write(`${steps}\n`);
  });
} else {
  describe('the simulated world', seeds);
  describe('the simulated world can tell', defects);
}

function seeds(): void {
  const tally = new Map<string, number>();
  for (let first = 1; first <= RUNS; first += RUNS_A_TEST) {
    const last = Math.min(RUNS, first + RUNS_A_TEST - 1);
    const seedsOfTest = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    test(`keeps every promise, seeds ${first} to ${last}`, {
      timeout: RUN_MS_MAX * RUNS_A_TEST,
    }, async () => {
      for (const seed of seedsOfTest) {
        const outcome = await run(seed, directory);
        for (const [what, count] of outcome.tally) tally.set(what, (tally.get(what) ?? 0) + count);
      }
    });
  }

  // A few runs may well miss what is rare.
  test.skipIf(RUNS < 2_000)('comes across what it is to judge', () => {
    const often = [
      'spawn',
      'kill',
      'restart',
      'reload',
      'rolling-update',
      'rollback',
      'hold',
      'resume',
      'rollout',
      'supervisor',
    ];
    const seldom = [
      'SIGKILL',
      'reboot',
      'remove',
      'pid taken by a stranger',
      'rollout done',
      'rollout rolled-back',
      'strays',
      'stray adopted',
      'stray signalled',
      'directory deleted',
    ];
    for (const what of often) expect(tally.get(what), what).toBeGreaterThan(RUNS / 25);
    for (const what of seldom) expect(tally.get(what), what).toBeGreaterThan(RUNS / 200);
    expect(tally.get('moments held by the storm breaker')).toBeGreaterThan(RUNS / 10);
    expect(tally.get('supervisor')).toBeGreaterThan(RUNS * 2);
  });

  test('does the same again for the same seed', async () => {
    for (const seed of [3, 33, 333]) {
      const [first, second] = [await run(seed, directory, 10_000), await run(seed, directory, 10_000)];
      expect(second.steps).toEqual(first.steps);
    }
  });
}

/** Each breaks one thing, and is to be found within some seeds. */
function defects(): void {
  const SEEDS = 400;
  const found = async (seeds = SEEDS): Promise<string> => {
    for (let seed = 1; seed <= seeds; seed++) {
      const failure = await run(seed, directory).then(
        () => null,
        (error: Error) => error.message,
      );
      if (failure !== null) return failure.split('\n')[0]!;
    }
    return 'nothing';
  };

  test('a wake-up that is lost', async () => {
    mutated.nextDue = () => null;
    expect(await found()).toMatch(/rest: /);
  });

  test('a round that takes more than its spec allows', async () => {
    vi.spyOn(Rounds.prototype, 'room').mockReturnValue(5);
    expect(await found()).toMatch(/starting/);
  });

  test('a start where an agent is', async () => {
    mutated.stopSent = (fleet, slot, { reason }, _phase, now) =>
      agentExited(fleet, slot, { code: 0, signal: null }, reason, now);
    expect(await found()).toMatch(/started twice|vacated|left over/);
  });

  test('a note of a run that was never written', async () => {
    vi.spyOn(RunStore.prototype, 'flush').mockImplementation(() => {});
    // Most of what is in a slot can be told without it.
    expect(await found(5 * SEEDS)).not.toBe('nothing');
  });

  test('a command that was acknowledged and not written', async () => {
    const write = WantedStore.prototype.write;
    vi.spyOn(WantedStore.prototype, 'write').mockImplementation(function (this: WantedStore, name, change) {
      if (change.record || !change.slots?.some(({ wanted }) => !wanted)) write.call(this, name, change);
    });
    expect(await found()).toMatch(/on disk|after a crash/);
  });

  test('a reload that is forgotten when the supervisor is killed', async () => {
    vi.spyOn(Reloads.prototype, 'start').mockImplementation(() => {});
    expect(await found()).toMatch(/is being reloaded/);
  });

  test('a hold that is not kept', async () => {
    const { setHold } = Fleet.prototype;
    vi.spyOn(Fleet.prototype, 'setHold').mockImplementation(function (this: Fleet, hold) {
      if (hold?.by !== 'user') setHold.call(this, hold);
    });
    expect(await found()).toMatch(/holds the fleet|held/);
  });

  test('a pid that is taken for its process', async () => {
    vi.spyOn(Kernel.prototype, 'find').mockImplementation(function (this: Kernel, { pid }) {
      return this.processes.get(pid) ?? null;
    });
    expect(await found()).toMatch(/is a stranger|no stray|another is noted|taken|nothing runs/);
  });

  test('a stray of somebody else that is adopted', async () => {
    vi.spyOn(FakeFiles.prototype, 'isSupervised').mockReturnValue(false);
    expect(await found()).toMatch(/is adopted into|is a stranger/);
  });

  test('a supervisor that ends of an error', async () => {
    vi.spyOn(FleetRunner.prototype, 'noteRun').mockImplementation(() => {
      throw new TypeError('a defect');
    });
    expect(await found()).toMatch(/a defect/);
  });
}
