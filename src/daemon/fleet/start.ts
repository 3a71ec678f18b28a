import type { ProcessId } from '../../fleet/agent.ts';
import type { Step } from '../../fleet/steps.ts';
import { agentStarted, prepareBegun, prepareDone } from '../../fleet/transitions.ts';
import type { StartRequest } from '../../host/host.ts';
import type { FleetContext } from './context.ts';
import { failStart } from './failed-start.ts';
import { accountFor, agentLaunch, launchWorld } from './launch.ts';
import { Links } from './links.ts';
import { Output } from './output.ts';
import { Preparation } from './preparation.ts';

type StartStep = Extract<Step, { do: 'start' }>;

/** Starts agents; slots whose directories belong to another user wait until these are handed to their own user. */
export function startAll(context: FleetContext, steps: readonly StartStep[]): void {
  const ready: StartStep[] = [];
  for (const step of steps) {
    const handed = tryHandOver(context, step.slot);
    if (handed === null) ready.push(step);
    else void awaitHandOver(context, step, handed);
  }
  start(context, ready);
}

/** Starts to hand a slot's directories to its user; null if nothing needs to change. */
function tryHandOver(context: FleetContext, slot: number): Promise<void> | null {
  const { fleet, services } = context;
  try {
    return services.host.files.handOver(
      context.slotPaths(slot),
      accountFor(services.host.processes.users, fleet.spec.user, slot),
    );
  } catch {
    return null; // Reported by the start, which needs the same.
  }
}

/** Waits until a slot's directories belong to its user; then the slot is planned again, and starts like others. */
async function awaitHandOver(
  context: FleetContext,
  { slot, reason }: StartStep,
  handed: Promise<void>,
): Promise<void> {
  const { fleet, name, services } = context;
  prepareBegun(fleet, slot, 'hand-over', services.host.now());
  try {
    await handed;
    services.journal.slot('prepare', name, slot, 'its directories are being handed to its user');
    // What has run before the start stays valid: only its files have changed their owner.
    prepareDone(fleet, slot, reason, services.host.now(), true);
  } catch (error) {
    failStart(context, slot, error as Error);
  }
  context.wake();
}

/** Starts agents. A failure on a limit of the host blocks the fleet; any other is the slot's own. */
function start(context: FleetContext, steps: readonly StartStep[]): void {
  const { fleet, name, services } = context;
  const requests: StartRequest[] = [];
  const accepted: StartStep[] = [];
  const journals: number[] = [];
  for (const step of steps) {
    try {
      requests.push(requestFor(context, step.slot, journals));
      accepted.push(step);
    } catch (error) {
      failStart(context, step.slot, error as Error);
    }
  }
  const links = new Links(context);
  const results = services.host.processes.start(requests);
  for (const fd of journals) services.host.sockets.closeJournal(fd);
  for (const [i, result] of results.entries()) {
    const { slot, reason } = accepted[i]!;
    if (!result.ok) failStart(context, slot, result.error);
    else {
      const moved = links.movedOf(fleet.slot(slot).release);
      started(context, slot, result.value, moved);
      services.journal.slot('start', name, slot, moved === null ? reason : `${reason}; ${moved}`);
    }
  }
  if (accepted.length > 0) context.agentsStarted();
}

/** @param journals gets the descriptors to close once the processes have them */
function requestFor(context: FleetContext, slot: number, journals: number[]): StartRequest {
  const account = accountFor(context.services.host.processes.users, context.fleet.spec.user, slot);
  const output = context.watch(Output).open(slot, account);
  const traceparent = context.services.tracing?.starting(context.fleet, slot) ?? null;
  const secrets = context.watch(Preparation).takeSecrets(slot);
  const world = { ...launchWorld(context, slot), secrets, ...(traceparent !== null && { traceparent }) };
  if ('fd' in output) journals.push(output.fd);
  return {
    key: context.key(slot),
    paths: context.slotPaths(slot),
    owner: account,
    launch: agentLaunch(world, account, output),
  };
}

function started(context: FleetContext, slot: number, process: ProcessId, moved: string | null): void {
  const { fleet, services } = context;
  const { release, generation } = fleet.slot(slot);
  const now = services.host.now();
  const startedIso = services.host.date().toISOString();
  const run = {
    ...process,
    startedAt: now,
    startedIso,
    release,
    generation,
    ...(moved !== null && { moved }),
  };
  agentStarted(fleet, slot, run, now);
  context.noteRun(slot);
}
