import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Arena } from './arena.ts';
import type { Fault } from './fault.ts';
import { runChaos } from './run.ts';

const TIMEOUT_MS = 3 * 60_000;
/** Long enough for the watch to look. */
const MOMENT_MS = 1_500;

const kill = (arena: Arena) => {
  for (const { pid } of arena.agents(1)) process.kill(pid, 'SIGKILL');
};

/** A process that looks as if it were the agent of a slot, as a supervisor would leave it that starts one twice. */
async function double(arena: Arena): Promise<void> {
  const script = arena.world.write('twin.pl', 'sleep 1000;');
  const twin = spawn('perl', [script, String(arena.portOf(0)), arena.socketOf(0)]);
  await sleep(MOMENT_MS);
  twin.kill('SIGKILL');
}

const DEFECTS: [string, (arena: Arena) => void | Promise<void>, boolean, RegExp][] = [
  ['an agent that nobody hurt is replaced', kill, true, /slot \d was not touched and has lost pid/],
  ['a slot has two agents', double, true, /slot 0 has the processes \d+, \d+ at once/],
  [
    'the supervisor dies of itself',
    (arena) => void process.kill(arena.supervisor!, 'SIGKILL'),
    true,
    /supervisor \d+ ended by itself/,
  ],
  [
    'a target is forgotten',
    (arena) => arena.setTarget(4).then(() => arena.adopt(5)),
    true,
    /not at rest: target 5/,
  ],
  ['a fault is not told', () => {}, false, /events do not tell of a defect/],
];

test.each(DEFECTS)('chaos finds that %s', { timeout: TIMEOUT_MS }, async (_what, harm, isTold, loss) => {
  const defect: Fault = {
    name: 'a defect',
    inject: async (arena) => {
      await harm(arena);
      return { slots: [], isTold: () => isTold };
    },
  };
  const { losses } = await runChaos({
    agents: 5,
    portBase: 27_800,
    seed: 1,
    patienceMs: 8_000,
    faults: [defect],
    durationMs: 1,
    say: () => {},
  });
  expect(losses.join('\n')).toMatch(loss);
});
