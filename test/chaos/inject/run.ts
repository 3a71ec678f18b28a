import { rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { StatusDocument } from '../../../src/api/status.ts';
import { isRunning, until } from '../../e2e/harness.ts';
import { Arena, type ArenaOptions, FLEET } from '../arena.ts';
import { judgeEnd } from '../end.ts';
import { fill } from '../faults/disk-full.ts';
import { judgeRest } from '../rest.ts';
import { Watch } from '../watch.ts';
import { chooseCommand, removeSide } from './commands.ts';
import { DISK_FAULTS, type DiskFault } from './faults.ts';
import { describe, Injecting } from './strace.ts';

/** A supervisor that nothing is done to any more answers, or is gone, within this time: a busy machine included. */
const VERDICT_MS_MAX = 20_000;
const COMMANDS_MAX = 4;
/** A disk error as a command tells it. */
const REFUSED = /^FLEET_(STATE_UNUSABLE|LIMIT_REACHED)/m;
/** Where its last byte would need another page: two bytes fit, and then there is no space. */
const LOG_BYTES = 8_190;

export interface InjectOptions extends ArenaOptions {
  /** No new round begins after this many rounds, or this time, or once `signal` is aborted. */
  rounds: number;
  durationMs: number;
  signal?: AbortSignal;
  say: (line: string) => void;
}

/** What became of one kind of fault. */
export interface Account {
  rounds: number;
  commands: number;
  /** Commands that were refused with a named error. */
  refused: number;
  /** How often the supervisor ended, and the next command started another one. */
  ended: number;
  losses: number;
}

export interface InjectOutcome {
  accounts: Map<string, Account>;
  losses: readonly string[];
  looks: number;
}

/** Injects faults into the disk calls of a real supervisor, round by round, while commands run, and judges each round. */
export async function runInjections(options: InjectOptions): Promise<InjectOutcome> {
  const { rounds, durationMs, signal, say } = options;
  const arena = new Arena(options);
  const accounts = new Map(DISK_FAULTS.map(({ name }) => [name, newAccount()]));
  const deck: DiskFault[] = [];
  try {
    await arena.open();
    const watch = new Watch(arena);
    const end = Date.now() + durationMs;
    try {
      for (let round = 1; round <= rounds && Date.now() < end && !signal?.aborted; round++) {
        if (deck.length === 0) deck.push(...DISK_FAULTS.filter((fault) => fault.injection || arena.isRoot));
        const [fault] = deck.splice(arena.number(0, deck.length - 1), 1);
        await runRound(arena, fault!, accounts.get(fault!.name)!, round, say);
      }
    } finally {
      await watch.end();
    }
    await judgeEnd(arena);
    return { accounts, losses: arena.losses, looks: watch.looks };
  } finally {
    await arena.close();
  }
}

const newAccount = (): Account => ({ rounds: 0, commands: 0, refused: 0, ended: 0, losses: 0 });

async function runRound(
  arena: Arena,
  fault: DiskFault,
  account: Account,
  round: number,
  say: (line: string) => void,
): Promise<void> {
  arena.begin();
  const before = arena.losses.length;
  const pid = arena.world.supervisorPid()!;
  const targets = new Set([arena.target]);
  const heal = await harm(arena, fault, pid, (what) => say(`round ${round}: ${what}`));
  let isTouched = false;
  try {
    for (let i = arena.number(1, COMMANDS_MAX); i > 0; i--) {
      const { words, target, touches } = chooseCommand(arena, round);
      if (target !== null) targets.add(target);
      if (touches === 'all') isTouched = true;
      const { code, stderr, stdout } = await arena.world.fleetctl(...words);
      account.commands++;
      if (REFUSED.test(stderr)) account.refused++;
      say(`  ${words.slice(0, 3).join(' ')}: exit ${code} ${code === 0 ? '' : stderr.trim().split('\n')[0]}`);
      if (/FLEET_INTERNAL/.test(stderr + stdout)) arena.lose(`${words.join(' ')} says ${stderr}`);
      if (target !== null && code === 0) adoptOnly(arena, targets, target);
    }
  } finally {
    await heal();
  }
  const isEnded = await judgeSupervisor(arena, pid);
  if (isEnded) account.ended++;
  await settleTarget(arena, targets);
  await removeSide(arena);
  const touched = isTouched || isEnded ? new Set(arena.pids.keys()) : new Set<number>();
  await judgeRest(arena, touched);
  account.rounds++;
  const lost = arena.losses.slice(before);
  account.losses += lost.length;
  for (const loss of lost) say(`  LOST ${loss}`);
}

/** What was acknowledged holds; what was refused, or never answered, may have been accepted or not. */
function adoptOnly(arena: Arena, targets: Set<number>, target: number): void {
  targets.clear();
  targets.add(target);
  arena.adopt(target);
}

/** Does the harm. @returns how to end it */
async function harm(
  arena: Arena,
  { injection }: DiskFault,
  pid: number,
  say: (what: string) => void,
): Promise<() => Promise<void>> {
  if (injection) {
    const chosen = injection(arena);
    say(describe(chosen));
    const injecting = await Injecting.begin(pid, chosen);
    return () => injecting.end();
  }
  say('a full file system');
  const filler = join(arena.world.stateDir, 'filler');
  truncateSync(join(arena.world.stateDir, 'fleetd.log'), LOG_BYTES);
  fill(filler);
  return async () => rmSync(filler);
}

/**
 * Nothing is done to the supervisor any more: it answers, or it is gone, or something is badly wrong.
 * @returns whether it is gone, and another one runs
 */
async function judgeSupervisor(arena: Arena, pid: number): Promise<boolean> {
  const isThere = () => arena.world.supervisorPid() === pid && isRunning(pid);
  const answers = () => arena.world.isServed();
  await until(async () => !isThere() || (await answers()), VERDICT_MS_MAX, 'it answers or is gone').catch(
    () => arena.lose(`supervisor ${pid} holds the lock, and neither answers nor ends`),
  );
  if (isThere()) return false;
  await arena.until(async () => {
    await arena.world.fleetctl(
      ...arena.choose([['watchdog'], ['spawn', '--fleet', FLEET, '--timeout', '1s']]),
    );
    return answers();
  }, 'the next command starts a supervisor');
  arena.supervisor = arena.world.supervisorPid();
  return true;
}

/** The target is one of those that may be; a fleet that a fault has held goes on as a user would have it. */
async function settleTarget(arena: Arena, targets: ReadonlySet<number>): Promise<void> {
  await arena.world.fleetctl('maintenance', 'off');
  await arena.world.fleetctl('resume', '--fleet', FLEET);
  const { stdout } = await arena.world.ok('status', '--json');
  const found = (JSON.parse(stdout) as StatusDocument).fleets.find(({ name }) => name === FLEET)?.target;
  if (found === undefined || !targets.has(found))
    arena.lose(`the target is ${found}, and was to be ${[...targets].join(' or ')}`);
  arena.adopt(found ?? arena.target);
}
