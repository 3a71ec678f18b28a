import { FleetError } from '../../errors.ts';
import { describeExit } from '../../fleet/restart.ts';
import type { Executors, Step } from '../../fleet/steps.ts';
import type { Host, Output, ProcessId, StartRequest } from '../../host/host.ts';
import type { Context } from './context.ts';
import { accountFor, agentLaunch, helperLaunch, type LaunchContext } from './launch.ts';
import type { Managed } from './managed.ts';
import { drainConnections, survey } from './rollout.ts';

type Starts = Extract<Step, { do: 'start' }>[];
/** A start that waits until the slot's directories are its user's. */
interface Handed {
  step: Starts[number];
  handed: Promise<void>;
}

/**
 * Carries out the steps of one fleet's plan. Nothing is chosen here: each executor does what its step says, tells the
 * planner what came of it, and leaves an event with the step's reason.
 */
export function executorsFor(context: Context, managed: Managed): Executors {
  const { host, journal } = context;
  const { fleet, name } = managed;
  return {
    prepare: (steps) => {
      for (const { slot } of steps) void prepare(context, managed, slot);
    },
    start: (steps) => {
      const [ready, foreign] = [[], []] as [Starts, Handed[]];
      for (const step of steps) {
        const handed = tryHandOver(context, managed, step.slot);
        if (handed === null) ready.push(step);
        else foreign.push({ step, handed });
      }
      start(context, managed, ready);
      for (const { step, handed } of foreign) void handOver(context, managed, step, handed);
    },
    stop: (steps) => {
      for (const { slot, cause, reason } of steps) {
        const problem = trySignal(host, managed.key(slot), fleet.spec.stop.signal);
        fleet.stopping(slot, { cause, reason }, host.now());
        journal.slot('stop', name, slot, `${fleet.spec.stop.signal}${problem}: ${reason}`);
      }
    },
    kill: (steps) => {
      for (const { slot, reason } of steps) {
        host.processes.kill(managed.key(slot));
        fleet.killed(slot, host.now());
        journal.slot('kill', name, slot, reason);
      }
    },
    vacate: (steps) => {
      host.files.vacate(
        steps.map(({ slot }) => ({ key: managed.key(slot), places: context.places(managed, slot) })),
      );
      for (const { slot } of steps) {
        fleet.vacated(slot);
        context.noteRun(managed, slot);
      }
    },
    hold: ([step]) => {
      const sample = context.logs.tail(name, step!.slot);
      context.hold(managed, { by: 'storm', reason: step!.reason, sample });
    },
    rollout: ([step]) => context.decide(managed, step!.change, step!.reason),
    measure: ([step]) => fleet.rolling.surveyed(survey(host, managed, step!.slots)),
    drain: ([step]) => drainConnections(context, managed, step!),
    resume: ([step]) => context.resume(managed, step!.reason),
    recreate: ([step]) => {
      context.store.write(name, { fleet: { ...managed.record, recreate: false } });
      managed.record.recreate = false;
      fleet.setStopAll(null, host.now());
      journal.note('resume', name, step!.reason);
    },
  };
}

/** An agent that has become another user (setuid) takes no signal of ours; after its grace the cgroup ends it. */
function trySignal(host: Host, key: string, signal: string): string {
  try {
    host.processes.signal(key, signal);
    return '';
  } catch (error) {
    return ` (${(error as Error).message})`;
  }
}

/** What a slot's processes are made from; its release is known, as it was written with the slot. */
function worldOf(context: Context, managed: Managed, slot: number): LaunchContext {
  const release = managed.releaseOf(managed.fleet.slot(slot).release);
  const { host, paths } = context;
  return {
    host,
    spec: managed.specOf(release.id),
    baseDir: managed.baseDirOf(release.id),
    release,
    slot,
    paths,
  };
}

/** Begins to give a slot's directories to its user; null where there is nothing to do. */
function tryHandOver(context: Context, managed: Managed, slot: number): Promise<void> | null {
  try {
    const owner = accountFor(context.host.processes.users, managed.fleet.spec.user, slot);
    return context.host.files.handOver(context.places(managed, slot), owner);
  } catch {
    return null; // Told by the start, which needs the same.
  }
}

/** Waits until a slot's directories are its user's; then it is planned again, and starts as others do. */
async function handOver(
  context: Context,
  managed: Managed,
  { slot, reason }: Starts[number],
  handed: Promise<void>,
): Promise<void> {
  const { fleet, name } = managed;
  fleet.preparing(slot, context.host.now());
  try {
    await handed;
    context.journal.slot('prepare', name, slot, 'its directories are given to its user');
    fleet.readied(slot, reason, context.host.now());
  } catch (error) {
    failStart(context, managed, slot, error as Error);
  }
  context.wake(managed);
}

/** Starts a batch. What fails on a limit of the host holds up the fleet, what fails otherwise is the slot's own failure. */
function start(context: Context, managed: Managed, steps: Starts): void {
  const { host, journal } = context;
  const requests: StartRequest[] = [];
  const reasons = new Map<string, Starts[number]>();
  const journals: number[] = [];
  for (const step of steps) {
    const key = managed.key(step.slot);
    reasons.set(key, step);
    try {
      requests.push(requestFor(context, managed, step.slot, journals));
    } catch (error) {
      failStart(context, managed, step.slot, error as Error);
    }
  }
  const results = host.processes.start(requests, managed.fleet.spec.resources?.nofile ?? null);
  for (const fd of journals) context.logs.closeJournal(fd);
  for (const [i, result] of results.entries()) {
    const { slot, reason } = reasons.get(requests[i]!.key)!;
    if (!result.ok) failStart(context, managed, slot, result.error);
    else {
      started(context, managed, slot, result.value);
      journal.slot('start', managed.name, slot, reason);
    }
  }
}

function requestFor(context: Context, managed: Managed, slot: number, journals: number[]): StartRequest {
  const { spec } = managed.fleet;
  const account = accountFor(context.host.processes.users, spec.user, slot);
  const output = context.logs.outputFor(spec, slot);
  if ('fd' in output) journals.push(output.fd);
  return {
    key: managed.key(slot),
    places: context.places(managed, slot),
    owner: account,
    launch: agentLaunch(worldOf(context, managed, slot), account, output),
  };
}

function started(context: Context, managed: Managed, number: number, process: ProcessId): void {
  const { fleet } = managed;
  const { release, generation } = fleet.slot(number);
  managed.startTicks.set(number, process.startTicks);
  const now = context.host.now();
  const startedIso = context.host.date().toISOString();
  fleet.started(number, { pid: process.pid, startedAt: now, startedIso, release, generation }, now);
  context.noteRun(managed, number);
  context.readiness.expect(managed);
}

/** A start or a prepare failed: was it the host's fault, or the slot's? */
export function failStart(context: Context, managed: Managed, slot: number, error: Error): void {
  const { host, journal } = context;
  const { fleet, name } = managed;
  const limit = limitOf(host, error, context.paths.stateDir);
  if (limit) {
    const message = `cannot start slot ${slot}: ${limit.limit}`;
    if (fleet.blocked?.message !== message) journal.note('limit', name, `${message}. ${limit.hint}`, [slot]);
    fleet.startBlocked(slot, message, host.now());
    return;
  }
  const reason = describeStartError(error, managed.fleet.spec.command[0]!);
  fleet.startFailed(slot, reason, host.date().toISOString(), host.now());
  journal.slot('start-failed', name, slot, reason);
  context.noteRun(managed, slot);
}

/** The limit of the host that a start ran into, by its errno or as the store has named it; null for any other failure. */
function limitOf(host: Host, error: Error, path: string): { limit: string; hint: string } | null {
  if (error instanceof FleetError) {
    return error.code === 'LIMIT_REACHED' ? { limit: error.message, hint: error.hint } : null;
  }
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const found = host.facts.describeLimit(code, path);
  return found && { ...found, limit: `${code}; ${found.limit}` };
}

const EXEC_ERRORS: Record<string, string> = {
  ETXTBSY: 'the executable is open for writing; name it as `binary`, and a copy is run that nobody writes to',
  EACCES: 'the executable or its directory may not be entered or executed',
  ENOENT: 'there is no such executable (or the interpreter that its first line names)',
  E2BIG:
    'a word or a variable has more than 131,071 bytes, or all of them have more than a quarter of the stack limit',
  ENOEXEC: 'the executable is of no format that this host runs',
};

function describeStartError(error: Error, command: string): string {
  const { code = '', syscall } = error as NodeJS.ErrnoException;
  if (syscall === 'execve' && code in EXEC_ERRORS) return `${command}: ${code}, ${EXEC_ERRORS[code]}`;
  if (syscall === 'chdir' && code === 'EACCES') return 'its user may not enter its own directory (EACCES)';
  return error.message;
}

/** Runs a slot's `prepare`; its success is written before the slot's first start, so that it is never run again. */
async function prepare(context: Context, managed: Managed, slot: number): Promise<void> {
  const { host, journal } = context;
  const { fleet, name } = managed;
  const command = fleet.spec.prepare!;
  try {
    const account = accountFor(host.processes.users, fleet.spec.user, slot);
    fleet.preparing(slot, host.now());
    await host.files.handOver(context.places(managed, slot), account);
    host.files.readySlot(context.places(managed, slot), account);
    const output: Output = { path: context.logs.pathFor(name, slot) };
    const launch = helperLaunch(worldOf(context, managed, slot), command, 'prepare[0]', account, output);
    const end = await host.processes.run(launch, fleet.spec.ready.timeoutMs);
    if (end?.code !== 0) {
      const how = end ? describeExit(end) : `killed after ${fleet.spec.ready.timeoutMs / 1000} s`;
      throw new Error(`prepare ${how}`);
    }
    // A mark that outlived what was prepared would keep it from ever being prepared again.
    host.files.persistSlot(context.places(managed, slot));
    context.store.writePrepared(name, [slot]);
    fleet.prepared(slot, host.now());
    journal.slot('prepare', name, slot, 'prepare exited 0');
  } catch (error) {
    failStart(context, managed, slot, error as Error);
  }
  context.wake(managed);
}
