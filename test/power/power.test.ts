import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { World } from '../e2e/harness.ts';
import { NO_STRACE } from '../scaling/strace.ts';
import { newFleet } from '../store/places.ts';
import { Disk } from './disk.ts';
import { Judge } from './judge.ts';
import { RecordedSupervisor, recordScript } from './record.ts';
import { ACCEPTED } from './recovering.ts';
import { inMemory, tell } from './scratch.ts';
import type { Call } from './trace.ts';

const TIMEOUT_MS = 360_000;
/** Slots, and changes after each damage. */
const [SLOTS, CHANGES] = process.env.FLEET_TEST_LONG ? [20, 10] : [20, 3];
/** What may be lost: pids and sockets, samples, events, the index of SQLite's log, what agents write. */
const EXPENDABLE = /\/r\/|(events|samples)\.db|-shm$|\.log$|\.lock$/;

const durable = (calls: readonly Call[]) =>
  calls.filter((call) => call.kind === 'ack' || !EXPENDABLE.test(call.path));

test.skipIf(NO_STRACE)(
  'no power cut takes what a command had accepted, wherever it hits the supervisor',
  async () => {
    const world = new World();
    try {
      const { calls, executables } = await recordSupervisors(world);
      const { root, stateDir } = world;
      const judge = new Judge(
        new Disk(root, durable(calls)),
        { root, stateDir, scratch: inMemory() },
        executables,
      );
      const targets = judge.history.map(({ found }) => found.wanted);
      expect(targets.filter((target, i) => target !== targets[i - 1])).toEqual([0, 3, 5, 4, 0, 2, 0]);
      // Where only the supervisor was killed, nothing is missing and there is nothing to tell.
      expect(judge.history.flatMap(({ found }) => [...found.notices, ...found.missing])).toEqual([]);
      expect([...judge.problems()]).toEqual([]);
      report('supervisor', judge);
    } finally {
      await world.dispose();
    }
  },
);

/** Two supervisors, the first killed, in which each kind of change is made; with releases that are copied. */
async function recordSupervisors(world: World): Promise<{ calls: Call[]; executables: Buffer[] }> {
  const executables = ['sleep', 'tail'].map((program) => {
    const path = join(world.root, program);
    copyFileSync(`/usr/bin/${program}`, path);
    return path;
  });
  const spec = (program: string) =>
    world.write(
      `${program}.yaml`,
      `name: web\nbinary: ./${program}\ncommand: [./${program}, ${program === 'tail' ? '-f, /dev/null' : '"1000"'}]\nprepare: ["true"]\nready: { after: 1ms }\nrounds: { parallel: 10, delay: 0s }\n`,
    );
  const first = await RecordedSupervisor.start(world, 'first');
  await world.ok('spawn', '3', '-f', spec('sleep'));
  await world.ok('spawn', '5');
  await world.ok('kill', '--slots', '1');
  await world.killSupervisor();
  const second = await RecordedSupervisor.start(world, 'second');
  await world.ok('restart', '--slots', '0');
  await world.ok('hold');
  await world.ok('resume');
  await world.ok('rolling-update', '-f', spec('tail'), '--batch', '2', '--wait', '0s');
  await world.ok('kill', '--all');
  await world.ok('spawn', '2');
  await world.ok('kill', '--all');
  await world.ok('remove');
  await world.ok('shutdown', '--with-agents');
  const calls = [...(await first.calls()), ...(await second.calls())];
  return { calls, executables: executables.map((path) => readFileSync(path)) };
}

/** A process that recovers again and again, as a disk sees it. */
async function recordRecovery(
  slots: number,
  changes: number,
  isSeen: (call: Call) => boolean,
): Promise<Judge> {
  const root = inMemory();
  const stateDir = join(root, 's');
  const args = [stateDir, JSON.stringify(newFleet(slots)), String(changes)];
  const calls = await recordScript('recovering.ts', args, join(root, 'trace'), ACCEPTED);
  const seen = durable(calls).filter(isSeen);
  return new Judge(new Disk(root, seen), { root, stateDir, scratch: inMemory() });
}

test.skipIf(NO_STRACE)(
  'no power cut takes what was accepted, wherever it hits a recovery from damage',
  async () => {
    const judge = await recordRecovery(SLOTS, CHANGES, () => true);
    expect(judge.history).toHaveLength(1 + 1 + 4 * CHANGES + 1);
    expect([...judge.problems()]).toEqual([]);
    report('recovery', judge);
  },
  TIMEOUT_MS,
);

test.skipIf(NO_STRACE)('the judge finds what is lost where a directory is not made durable', async () => {
  const isOfDirectory = (call: Call) => call.kind === 'sync' && call.path.endsWith('/s');
  const judge = await recordRecovery(2, 1, (call) => !isOfDirectory(call));
  expect(judge.problems().next().value).toMatch(/change 0 is there instead of/);
});

test.skipIf(NO_STRACE)('the judge finds what is lost where content is not made durable', async () => {
  const isOfContent = (call: Call) => call.kind === 'sync' && !call.path.endsWith('/s');
  const judge = await recordRecovery(2, 1, (call) => !isOfContent(call));
  expect(judge.problems().next().value).toMatch(/change 0 is there instead of/);
});

function report(what: string, { states, history }: Judge): void {
  tell(`power cuts in a ${what}: ${states} states of ${history.length} changes, nothing lost`);
}
