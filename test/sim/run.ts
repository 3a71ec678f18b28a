import { rmSync } from 'node:fs';
import { decideRolloutAction } from '../../src/fleet/decide/rollout.ts';
import { Crash } from './gate.ts';
import { agentsOf, makeMove, pidsInMind, resume, takeFreedPids } from './moves.ts';
import { unrest } from './rest.ts';
import type { Document } from './specs.ts';
import { SimulatedHost, Violation } from './world.ts';

const MOVES_MAX = 30;
/** Between two things that happen, in milliseconds. */
const PAUSES_MS = [0, 0, 0.5, 5, 30, 150, 1_000, 1_000, 4_000, 15_000];
/** How long a supervisor is away, in milliseconds. */
const AWAY_MS = [0, 0, 1, 20, 500, 5_000, 40_000];
/** A fleet in which nothing more goes wrong is at rest within this time. */
const REST_MS_MAX = 900_000;
const LOOK_MS = 3_000;
/** And stays there. */
const STAY_MS = 30_000;

/** So many of the last steps are shown of a run that failed; a replay shows all. */
const STEPS_SHOWN = 80;

/** What a run came to. */
export interface Outcome {
  /** How often what has happened. */
  tally: ReadonlyMap<string, number>;
  /** The last steps, for people. */
  steps: string;
}

/**
 * One run from a seed: things happen to a host, its agents, its supervisors and their disk, in any order, and at last
 * nothing more goes wrong.
 * @param directory for the store; emptied first
 * @param stepsShown so many of the last steps are told
 * @throws Error that says what was violated, by which steps, and how to replay it
 */
export async function run(seed: number, directory: string, stepsShown = STEPS_SHOWN): Promise<Outcome> {
  const world = new SimulatedHost(seed, directory, stepsShown);
  const restore = catchRejections(world);
  world.time.install();
  try {
    await live(world);
    for (const {
      fleet: { record },
    } of world.fleets.values())
      if (record.rollout) world.count(`rollout ${record.rollout.state}`);
    return { tally: world.tally, steps: world.steps };
  } catch (error) {
    const what = error instanceof Violation ? error.message : (error as Error).stack;
    const replay = `replay: FLEET_SIM_SEED=${seed} npm run test:sim`;
    throw new Error(`seed ${seed}: ${what}\n${replay}\nthe last steps:\n${world.steps}`, { cause: error });
  } finally {
    world.bury();
    world.time.restore();
    restore();
  }
}

async function live(world: SimulatedHost): Promise<void> {
  const documents = new Map<string, Document>();
  world.begin();
  for (let i = world.moves.below(MOVES_MAX) + 5; i > 0; i--) {
    makeMove(world, documents);
    await advance(world, world.moves.pick(PAUSES_MS));
  }
  await comeToRest(world);
}

/** Lets time pass; a supervisor that dies meanwhile is followed by another. */
async function advance(world: SimulatedHost, ms: number): Promise<void> {
  await world.advance(ms);
  while (world.gate.isDead) await replace(world);
}

async function replace(world: SimulatedHost): Promise<void> {
  const { moves, time } = world;
  const pids = pidsInMind(world);
  world.bury();
  if (moves.chance(0.08)) loseRunStore(world);
  if (moves.chance(0.4))
    for (const agent of moves.some(agentsOf(world))) world.kernel.end(agent, { code: 1, signal: null });
  time.pass(moves.pick(AWAY_MS));
  if (moves.chance(0.6)) takeFreedPids(world, pids);
  time.pass(moves.pick(AWAY_MS));
  world.begin(moves.chance(0.15) ? moves.below(20) : undefined);
  if (!world.gate.isDead) await world.advance(0);
}

/** What must survive only the supervisor may be gone all the same. */
export function loseRunStore(world: SimulatedHost): void {
  world.trace('~ the notes of who runs where are lost');
  for (const ending of ['', '-wal', '-shm'])
    rmSync(`${world.directory}/run/run.db${ending}`, { force: true });
  world.loseNotes();
}

/** Nothing more goes wrong: then there is exactly what was promised, soon, and it stays so. */
async function comeToRest(world: SimulatedHost): Promise<void> {
  const { time } = world;
  world.trace('~ nothing more goes wrong');
  world.faults.calm();
  world.isDiskFull = false;
  // Whoever started them ends them: one that holds another slot's port would keep that agent from ever being ready.
  for (const process of [...world.kernel.processes.values()])
    if (
      process.kind === 'stray' ||
      process.isOfOthers ||
      (world.isAdopted(process) && process.env.FLEET_PORT)
    )
      world.kernel.end(process, { code: 0, signal: null });
  world.gate.isDiskFull = false;
  world.gate.crashAfter(Number.POSITIVE_INFINITY);
  const until = time.now + REST_MS_MAX;
  let isAtRest = false;
  while (!isAtRest) {
    goOn(world);
    await advance(world, LOOK_MS);
    const found = unrest(world);
    isAtRest = found === null;
    if (found !== null && time.now > until) throw new Violation(`does not come to rest: ${found}`);
  }
  await advance(world, STAY_MS);
  const found = unrest(world);
  if (found !== null) throw new Violation(`does not stay at rest: ${found}`);
}

/** What waits for its user goes on. */
function goOn(world: SimulatedHost): void {
  if (world.pending.length > 0) return;
  for (const [
    name,
    {
      fleet: { record },
    },
  ] of world.fleets) {
    if (record.rollout?.state === 'paused') {
      const call = async () =>
        world.life!.commands.decide(name, (fleet, date) => decideRolloutAction(fleet, 'resume', date));
      world.command(`rollout resume --fleet ${name}`, call, (before) => before);
    } else if (record.hold && record.hold.by !== 'storm') resume(world, name);
  }
}

/** A promise that nobody waits for and that fails ends the real supervisor: here it fails the run. */
function catchRejections(world: SimulatedHost): () => void {
  const others = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', (error) => {
    if (!(error instanceof Crash)) world.fail(`the supervisor ends of ${(error as Error).stack}`);
  });
  return () => {
    process.removeAllListeners('unhandledRejection');
    for (const listener of others) process.on('unhandledRejection', listener);
  };
}
