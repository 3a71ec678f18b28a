import { runOf } from '../../fleet/agent.ts';
import { signalSent, stopSent } from '../../fleet/endings.ts';
import { describeExit } from '../../fleet/exit.ts';
import { blockedAgain } from '../../fleet/hold.ts';
import type { Step } from '../../fleet/steps.ts';
import type { Processes } from '../../host/host.ts';
import type { FleetContext, FleetWatch } from './context.ts';
import { accountFor, helperLaunch, launchWorld, launchWorldWithSecrets } from './launch.ts';
import { Output } from './output.ts';

type StopStep = Extract<Step, { do: 'stop' }>;

/** Stops agents as the specs of their releases say: `stop.command`, then the signal. */
export class Stops implements FleetWatch {
  readonly #context: FleetContext;
  /** Ends the `stop.command` of a slot. */
  readonly #commands = new Map<number, AbortController>();

  constructor(context: FleetContext) {
    this.#context = context;
  }

  /** Begins stops. */
  begin(steps: readonly StopStep[]): void {
    const startable = this.#startable(steps);
    for (const step of steps) if (step.cause !== 'restart' || startable.has(step.slot)) this.#begin(step);
  }

  /** What was to happen before the signal is over with the agent. */
  exited(slot: number): void {
    this.#commands.get(slot)?.abort();
  }

  /**
   * Of agents that are replaced though they serve, those whose successor can be executed. A program that was removed must
   * not take healthy agents with it.
   */
  #startable(steps: readonly StopStep[]): Set<number> {
    const context = this.#context;
    const { fleet } = context;
    const byRelease = Map.groupBy(
      steps.filter(({ cause }) => cause === 'restart'),
      ({ slot }) => fleet.slot(slot).release,
    );
    const startable = new Set<number>();
    for (const [release, alike] of byRelease) {
      const problem = startProblem(context, alike[0]!.slot, release);
      if (problem === null) for (const { slot } of alike) startable.add(slot);
      else blockReplacing(context, alike[0]!.slot, problem);
    }
    return startable;
  }

  #begin({ slot, cause, reason, urgent }: StopStep): void {
    const { fleet, name, services } = this.#context;
    const { host, journal } = services;
    const due = { cause, reason };
    const run = runOf(fleet.slot(slot).agent)!;
    const { command } = fleet.specOf(run.release).stop;
    if (urgent) {
      host.processes.kill(this.#context.key(slot));
      stopSent(fleet, slot, due, 'killed', host.now());
      journal.slot('kill', name, slot, reason);
    } else if (command && wasReady(fleet.slot(slot)) && !HAS_FAILED.has(cause)) {
      stopSent(fleet, slot, due, 'command', host.now());
      journal.slot('stop', name, slot, `stop.command: ${reason}`);
      void this.#runCommand(slot, command, run.pid, reason);
    } else {
      const sent = this.#signal(slot);
      stopSent(fleet, slot, due, 'signalled', host.now());
      journal.slot('stop', name, slot, `${sent}: ${reason}`);
    }
  }

  /** Sends the stop signal. @returns what was sent, in words */
  #signal(slot: number): string {
    const { fleet, services } = this.#context;
    const { processes } = services.host;
    const run = runOf(fleet.slot(slot).agent)!;
    const { signal, to } = fleet.specOf(run.release).stop;
    const key = this.#context.key(slot);
    try {
      if (to === 'main') processes.signal(key, signal);
      else return `${signal} to ${describeReach(processes.signalAll(key, signal))}`;
      return signal;
    } catch (error) {
      // An agent that has changed its user (setuid) cannot be signalled; after its grace the cgroup ends it.
      return `${signal} (${(error as Error).message})`;
    }
  }

  async #runCommand(slot: number, argv: readonly string[], mainPid: number, reason: string): Promise<void> {
    const context = this.#context;
    const { fleet, name, services } = context;
    const { host, journal } = services;
    const ending = new AbortController();
    this.#commands.set(slot, ending);
    let how: string;
    try {
      const world = await launchWorldWithSecrets(context, slot, runOf(fleet.slot(slot).agent)!.release);
      const account = accountFor(host.processes.users, world.spec.user, slot);
      const output = context.watch(Output).ofErrand(slot);
      const launch = helperLaunch(world, { argv, where: 'stop.command', output, mainPid }, account);
      const end = await host.processes.run(launch, fleet.spec.stop.graceMs, ending.signal);
      how = end ? describeExit(end) : 'was ended';
    } catch (error) {
      how = `failed: ${(error as Error).message}`;
    } finally {
      if (this.#commands.get(slot) === ending) this.#commands.delete(slot);
    }
    const agent = fleet.slots.get(slot)?.agent;
    if (context.signal.aborted || agent?.state !== 'stopping' || agent.phase !== 'command') return;
    const sent = this.#signal(slot);
    signalSent(fleet, slot, host.now());
    journal.slot('stop', name, slot, `stop.command ${how}; ${sent}: ${reason}`);
  }
}

/** Whom a signal to all processes of a slot has reached, and why not another one. */
export function describeReach({ sent, refusal }: ReturnType<Processes['signalAll']>): string {
  return `${sent} ${sent === 1 ? 'process' : 'processes'}${refusal === null ? '' : ` (${refusal})`}`;
}

/** Causes of a stop for which an agent is in no state to finish its work. */
const HAS_FAILED: ReadonlySet<StopStep['cause']> = new Set(['not-ready', 'unhealthy']);

function wasReady({ agent }: { agent: { state: string } }): boolean {
  return agent.state === 'ready' || agent.state === 'unready';
}

/** Why the program of a release cannot be started; null if nothing is known against it. */
export function startProblem(context: FleetContext, slot: number, release: string): string | null {
  const { files, processes } = context.services.host;
  try {
    const { release: record, spec, baseDir } = launchWorld(context, slot, release);
    accountFor(processes.users, spec.user, slot);
    files.findExecutable(record.path, baseDir, '', 'command[0]');
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Nothing is replaced for a while: later, one agent is tried. */
function blockReplacing({ fleet, name, services }: FleetContext, slot: number, problem: string): void {
  const message = `cannot replace slot ${slot}: ${problem}`;
  if (fleet.blocked?.message !== message) services.journal.note('limit', name, message, [slot]);
  fleet.blocked = blockedAgain(fleet.blocked, message, services.host.now());
}
