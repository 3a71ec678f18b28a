import { runOf } from '../../fleet/agent.ts';
import type { AgentMeasurement, Survey } from '../../fleet/rollout/rolling.ts';
import type { Step } from '../../fleet/steps.ts';
import { addressesOf, placesOf } from '../../specification/places.ts';
import { after } from '../shared/timers.ts';
import type { FleetContext } from './context.ts';

/** The interval at which the kernel's table of connections is read while agents drain. */
const DRAIN_POLL_MS = 1_000;

/** Measures agents. */
export function survey(context: FleetContext, slots: readonly number[]): Survey {
  const { fleet, services } = context;
  const { host } = services;
  const agents = new Map<number, AgentMeasurement>();
  for (const slot of slots) {
    const agent = fleet.slots.get(slot)?.agent;
    const run = agent && runOf(agent);
    const key = context.key(slot);
    if (run)
      agents.set(slot, {
        pid: run.pid,
        rssBytes: host.memory.rssBytes(key),
        cpuMs: host.processes.cpuMs(key),
      });
  }
  return { at: host.now(), agents };
}

/** Keeps agents from being stopped while they have connections, but no longer than the step allows. */
export function drainConnections(
  context: FleetContext,
  { batch, slots, until }: Extract<Step, { do: 'drain' }>,
): void {
  const { rolling, spec } = context.fleet;
  const { host } = context.services;
  const drain = rolling.beginDrain(batch, slots, until);
  const addresses = addressesOf(spec, slots);
  const poll = async (): Promise<void> => {
    const connections = await host.sockets.readConnections(addresses);
    // Another batch, or none: the drain of this one is over.
    if (rolling.drain !== drain) return;
    for (const slot of drain.busy) {
      if (placesOf(spec, slot).every(({ port, address }) => connections.of(port, address) === 0))
        drain.busy.delete(slot);
    }
    context.wake();
    if (drain.busy.size > 0 && host.now() < until) after(DRAIN_POLL_MS, context.signal, () => void poll());
  };
  void poll();
}
