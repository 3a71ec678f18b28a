import { runOf } from '../../fleet/agent.ts';
import type { RolloutChange } from '../../fleet/rollout/changes.ts';
import type { AgentMeasurement, Survey } from '../../fleet/rollout/rollout.ts';
import type { Step } from '../../fleet/steps.ts';
import type { Host } from '../../host/host.ts';
import { portOf } from '../../specification/paths.ts';
import { pruneReleases } from '../commands/release.ts';
import type { Supervisor } from '../supervisor.ts';
import { commitRollout } from './commit.ts';
import type { Context } from './context.ts';
import type { Managed } from './managed.ts';

/** While agents have connections that may end, the kernel's table of them is read so often. */
const DRAIN_POLL_MS = 1_000;

/** Carries out a decision about a fleet's rollout: written, true for the planner, and told. */
export function decideRollout(
  supervisor: Supervisor,
  managed: Managed,
  change: RolloutChange,
  reason: string,
): void {
  const { journal, logs } = supervisor;
  const { name } = managed;
  const sample = change.sampleSlot === null ? null : logs.tail(name, change.sampleSlot);
  commitRollout(supervisor, managed, change, sample);
  journal.note('rollout', name, reason, change.slots);
  if (typeof change.hold === 'object') {
    journal.note(
      'hold',
      name,
      sample === null ? change.hold.reason : `${change.hold.reason}; it said: ${sample}`,
    );
  }
  if (change.rollout.state === 'done' || change.rollout.state === 'rolled-back')
    pruneReleases(supervisor, managed);
}

/** Reads what agents use now. */
export function survey(host: Host, managed: Managed, slots: readonly number[]): Survey {
  const agents = new Map<number, AgentMeasurement>();
  for (const slot of slots) {
    const agent = managed.fleet.slots.get(slot)?.agent;
    const run = agent && runOf(agent);
    const key = managed.key(slot);
    if (run)
      agents.set(slot, {
        pid: run.pid,
        rssBytes: host.memory.rssBytes(key),
        cpuMs: host.processes.cpuMs(key),
      });
  }
  return { at: host.now(), agents };
}

/** Keeps agents from being stopped as long as they have connections, and no longer than the step allows. */
export function drainConnections(
  context: Context,
  managed: Managed,
  { batch, slots, until }: Extract<Step, { do: 'drain' }>,
): void {
  const { rolling, spec } = managed.fleet;
  const drain = rolling.beginDrain(batch, slots, until);
  const ports = spec.ports!;
  const look = async (): Promise<void> => {
    const connections = await context.host.sockets.readConnections();
    if (rolling.drain !== drain) return;
    for (const slot of drain.busy) {
      const first = portOf(ports, slot)!;
      if (connections.subarray(first, first + ports.perAgent).every((count) => count === 0))
        drain.busy.delete(slot);
    }
    context.wake(managed);
    if (drain.busy.size > 0 && context.host.now() < until)
      setTimeout(() => void look(), DRAIN_POLL_MS).unref();
  };
  void look();
}
