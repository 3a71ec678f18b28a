import type {
  AgentRow,
  AgentState,
  AgentsDocument,
  FleetCounts,
  FleetMemory,
  FleetStatus,
  SamplesDocument,
  StatusDocument,
  VerifyStatus,
} from '../../api/protocol.ts';
import { FleetError } from '../../errors.ts';
import { type Agent, runOf, type Slot } from '../../fleet/agent.ts';
import { USAGE_PIDS_MAX } from '../../host/processes.ts';
import { portOf } from '../../specification/paths.ts';
import { agentsMax } from '../commands/capacity.ts';
import type { Managed } from '../fleet/managed.ts';
import type { Supervisor } from '../supervisor.ts';
import { VERSION } from '../version.ts';
import type { PssScope } from '../watches/memory.ts';
import { rolloutStatus } from './rollout.ts';

/** What the planner's states are called outside; null: there is nothing to show. */
const SHOWN: Record<Agent['state'], AgentState | null> = {
  pending: null,
  preparing: 'starting',
  starting: 'starting',
  ready: 'ready',
  unready: 'unready',
  stopping: 'stopping',
  clearing: 'stopping',
  backoff: 'backoff',
  failed: 'failed',
};

/** It ended, and its pause is over: only a round or a hold is in the way of its next start. */
function isReturning({ agent, lastExit }: Slot): boolean {
  return agent.state === 'pending' && lastExit !== null;
}

/** What a slot's state is called outside; null where there is nothing to show yet. */
export function shownState(slot: Slot): AgentState | null {
  return isReturning(slot) ? 'backoff' : SHOWN[slot.agent.state];
}

function countReturning({ fleet }: Managed): number {
  return fleet.counts.pending === 0 ? 0 : [...fleet.slots.values()].filter(isReturning).length;
}

/** So many of the agents that use most are named. */
const TOP_COUNT = 3;

/** Which agents are asked for, and whether with what they use. */
export interface AgentsScope {
  /** Null: all of them. */
  slots: ReadonlySet<number> | null;
  withUsage: boolean;
}

/** Composes what the API tells about the supervisor, its fleets and their agents. */
export class Report {
  readonly #supervisor: Supervisor;
  readonly #begunMs = performance.now();

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
  }

  status(): StatusDocument {
    const { totalBytes, availableBytes, pressurePercent } = this.#supervisor.host.memory.readMemory();
    const fleets = [...this.#supervisor.fleets.values()];
    for (const managed of fleets) this.#supervisor.memory.refresh(managed);
    return {
      supervisor: {
        pid: process.pid,
        version: VERSION,
        uptimeSeconds: Math.round((performance.now() - this.#begunMs) / 1000),
        rssBytes: process.memoryUsage.rss(),
      },
      host: {
        memoryTotalBytes: totalBytes,
        memoryAvailableBytes: availableBytes,
        memoryPressure: pressurePercent,
        agentsMax: agentsMax(this.#supervisor),
      },
      fleets: fleets.map((managed) => this.fleet(managed)),
      maintenance: this.#supervisor.maintenance.state,
    };
  }

  /** All about a fleet. */
  fleet(managed: Managed): FleetStatus {
    const { leaks, memory } = this.#supervisor;
    return {
      ...this.counts(managed),
      leak: leaks.of(managed),
      memory: memory.summary(managed, TOP_COUNT),
      pace: managed.fleet.adaptive?.state ?? null,
      rollout: rolloutStatus(managed),
    };
  }

  /** A fleet in numbers. */
  counts(managed: Managed): FleetCounts {
    const { fleet, record } = managed;
    const { counts } = fleet;
    return {
      name: managed.name,
      target: fleet.target,
      running: fleet.running,
      ready: counts.ready,
      starting: counts.starting + counts.preparing,
      stopping: counts.stopping + counts.clearing,
      backoff: counts.backoff + countReturning(managed),
      failed: counts.failed,
      held: fleet.hold && { reason: fleet.hold.reason, since: fleet.hold.since, sample: fleet.hold.sample },
      release: record.release || null,
      rssBytes: this.#supervisor.memory.total(managed, 'rssBytes'),
      pssBytes: this.#supervisor.memory.total(managed, 'pssBytes'),
      pressure: fleet.pressure && { reason: fleet.pressure.reason },
      verify: this.#verify(managed),
    };
  }

  #verify(managed: Managed): VerifyStatus | null {
    const verified = this.#supervisor.verification.of(managed);
    if (!verified) return null;
    const { counted, running, isDegraded, reason } = verified;
    return { counted, running, degraded: isDegraded, reason };
  }

  /**
   * The agents of one fleet or of all, of some slots or all of them.
   * @throws FleetError USAGE where the use of too many is asked for
   */
  async agents(fleets: Iterable<Managed>, { slots, withUsage }: AgentsScope): Promise<AgentsDocument> {
    const agents: AgentRow[] = [];
    for (const managed of fleets) {
      await this.#supervisor.memory.renew(managed);
      for (const number of [...managed.fleet.slots.keys()].sort((a, b) => a - b)) {
        if (slots !== null && !slots.has(number)) continue;
        const row = this.agent(managed, number);
        if (row) agents.push(row);
      }
    }
    return { agents: withUsage ? await this.#withUsage(agents) : agents };
  }

  async #withUsage(agents: readonly AgentRow[]): Promise<AgentRow[]> {
    const pids = agents.flatMap(({ pid }) => pid ?? []);
    if (pids.length > USAGE_PIDS_MAX) {
      throw new FleetError('USAGE', `the use of ${pids.length} agents was asked for`, {
        hint: `Name at most ${USAGE_PIDS_MAX} of them: --slots 0-${USAGE_PIDS_MAX - 1}.`,
      });
    }
    const found = await this.#supervisor.host.processes.readUsage(pids);
    return agents.map((agent) => ({ ...agent, usage: found.get(agent.pid ?? 0) ?? null }));
  }

  /** The memory of a fleet, summed up. */
  async memory(managed: Managed, topCount: number, pss: PssScope): Promise<FleetMemory> {
    const { memory } = this.#supervisor;
    await memory.renew(managed, undefined, pss);
    return memory.summary(managed, topCount);
  }

  /** The memory of a fleet over time. */
  samples(managed: Managed, sinceMs: number): SamplesDocument {
    const passes = [...this.#supervisor.samples.read(managed.name, sinceMs)];
    return {
      passes: passes.map(({ at, slots, rssBytes, pssBytes, connectionsTotal }) => ({
        at,
        agents: slots.length,
        rssBytes: rssBytes.reduce((sum, bytes) => sum + bytes, 0),
        pssBytes,
        connections: connectionsTotal,
      })),
    };
  }

  /** One agent, with its memory as it was sampled last; null where there is nothing to show. */
  agent(managed: Managed, number: number): AgentRow | null {
    const { paths } = this.#supervisor;
    const { name, fleet } = managed;
    const slot = fleet.slot(number);
    const { agent, release, restarts, lastExit } = slot;
    const state = shownState(slot);
    if (state === null) return null;
    const run = runOf(agent);
    return {
      fleet: name,
      slot: number,
      state,
      pid: run?.pid ?? null,
      port: portOf(fleet.spec.ports, number),
      socket: paths.agentSocket(name, number),
      dir: paths.slotDir(name, number),
      release: (run?.release ?? release) || null,
      restarts,
      startedAt: run?.startedIso ?? null,
      rssBytes: run && this.#supervisor.memory.rssBytes(managed, number),
      lastExit,
    };
  }
}
