import type { AgentRow, AgentState, AgentsDocument } from '../../api/agents.ts';
import type { FleetCounts, FleetStatus, VerifyStatus } from '../../api/fleets.ts';
import type { FleetMemory, SamplesDocument } from '../../api/memory.ts';
import type { StatusDocument } from '../../api/status.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import { type Agent, runOf, type Slot } from '../../fleet/agent.ts';
import { USAGE_PIDS_MAX } from '../../host/processes.ts';
import { addressOf } from '../../specification/addresses.ts';
import { namedPortsOf, portOf } from '../../specification/paths.ts';
import { agentsMax } from '../commands/capacity.ts';
import type { FleetRunner } from '../fleet/runner.ts';
import { VERSION } from '../shared/version.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { Leaks } from '../watches/leaks.ts';
import { Memory, type PssScope } from '../watches/memory.ts';
import { Verification } from '../watches/verification.ts';
import { releasesRun, rolloutStatus } from './rollout.ts';

/** The public names of the planner's states; null: nothing is shown. */
const SHOWN: Record<Agent['state'], AgentState | null> = {
  pending: null,
  preparing: 'starting',
  starting: 'starting',
  ready: 'ready',
  unready: 'unready',
  stopping: 'stopping',
  clearing: 'stopping',
  orphaned: 'unready',
  backoff: 'backoff',
  failed: 'failed',
  completed: 'completed',
};

/** Whether it ended, and its pause is over: only a round or a hold delays its next start. */
function isReturning({ agent, lastExit }: Slot): boolean {
  return agent.state === 'pending' && lastExit !== null;
}

/** The public name of a slot's state; null if there is nothing to show yet. */
export function shownState(slot: Slot): AgentState | null {
  return isReturning(slot) ? 'backoff' : SHOWN[slot.agent.state];
}

function countReturning({ fleet }: FleetRunner): number {
  return fleet.counts.pending === 0 ? 0 : [...fleet.slots.values()].filter(isReturning).length;
}

/** The number of agents named for the highest use. */
const TOP_COUNT = 3;
/** The number of agents whose readings of memory `status` renews before it answers, and the time that takes at most. */
const RENEWED_FIRST = { agents: 100, ms: 3 } as const;

/** The agents that are requested, and whether with their use of resources. */
export interface AgentsScope {
  /** Null: all of them. */
  slots: ReadonlySet<number> | null;
  withUsage: boolean;
}

/** Composes the API's documents about the supervisor, its fleets and their agents. */
export class Report {
  readonly #supervisor: Supervisor;
  readonly #begunMs = performance.now();

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
  }

  status(): StatusDocument {
    const { totalBytes, availableBytes, pressurePercent } = this.#supervisor.host.memory.readMemory();
    const fleets = [...this.#supervisor.fleets.values()];
    // A user waits for this, so that what cannot be renewed in a moment is renewed afterwards.
    const isSmall = fleets.reduce((sum, { fleet }) => sum + fleet.slots.size, 0) <= RENEWED_FIRST.agents;
    for (const runner of fleets) {
      const memory = runner.watch(Memory);
      if (isSmall || memory.totals.rssBytes === null) memory.refresh(RENEWED_FIRST.ms / fleets.length);
      else setImmediate(() => memory.refresh());
    }
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
      fleets: fleets.map((runner) => this.fleet(runner)),
      maintenance: this.#supervisor.maintenance.state,
    };
  }

  /** The complete status of a fleet. */
  fleet(runner: FleetRunner): FleetStatus {
    return {
      ...this.counts(runner),
      leak: runner.watch(Leaks).status,
      memory: runner.watch(Memory).summary(TOP_COUNT),
      pace: runner.fleet.adaptive?.state ?? null,
      rollout: rolloutStatus(runner),
      releases: releasesRun(runner),
      labels: runner.fleet.spec.labels ?? {},
    };
  }

  /** A fleet in numbers. */
  counts(runner: FleetRunner): FleetCounts {
    const { fleet } = runner;
    const { counts } = fleet;
    return {
      name: runner.name,
      target: fleet.target,
      running: fleet.running,
      ready: counts.ready,
      starting: counts.starting + counts.preparing,
      stopping: counts.stopping + counts.clearing,
      backoff: counts.backoff + countReturning(runner),
      failed: counts.failed,
      completed: counts.completed,
      held: fleet.hold && { reason: fleet.hold.reason, since: fleet.hold.since, sample: fleet.hold.sample },
      release: fleet.release || null,
      ...runner.watch(Memory).totals,
      pressure: fleet.pressure && { reason: fleet.pressure.reason },
      verify: verifyStatus(runner),
    };
  }

  /**
   * The agents of one fleet or of all, in some slots or in all.
   * @throws FleetError USAGE if the use of too many is requested
   */
  async agents(fleets: Iterable<FleetRunner>, { slots, withUsage }: AgentsScope): Promise<AgentsDocument> {
    const agents: AgentRow[] = [];
    for (const runner of fleets) {
      await runner.watch(Memory).renew();
      for (const number of [...runner.fleet.slots.keys()].sort((a, b) => a - b)) {
        if (slots !== null && !slots.has(number)) continue;
        const row = this.agent(runner, number);
        if (row) agents.push(row);
      }
    }
    return { agents: withUsage ? await this.#withUsage(agents) : agents };
  }

  async #withUsage(agents: readonly AgentRow[]): Promise<AgentRow[]> {
    const pids = agents.flatMap(({ pid }) => pid ?? []);
    if (pids.length > USAGE_PIDS_MAX) {
      throw new FleetError('USAGE', `the resource use of ${pids.length} agents was requested`, {
        hint: `Name at most ${USAGE_PIDS_MAX} of them, as in --slots 0-${USAGE_PIDS_MAX - 1}.`,
      });
    }
    const found = await this.#supervisor.host.processes.readUsage(pids);
    return agents.map((agent) => ({ ...agent, usage: found.get(agent.pid ?? 0) ?? null }));
  }

  /** A summary of the memory of a fleet. */
  async memory(runner: FleetRunner, topCount: number, pss: PssScope): Promise<FleetMemory> {
    const memory = runner.watch(Memory);
    await memory.renew(undefined, pss);
    return memory.summary(topCount);
  }

  /** The memory of a fleet over time. */
  samples(runner: FleetRunner, sinceMs: number): SamplesDocument {
    const readings = [...this.#supervisor.readings.read(runner.name, sinceMs)];
    return {
      passes: readings.map(({ at, slots, rssBytes, pssBytes, connectionsTotal }) => ({
        at,
        agents: slots.length,
        rssBytes: rssBytes.reduce((sum, bytes) => sum + bytes, 0),
        pssBytes,
        connections: connectionsTotal,
      })),
    };
  }

  /** One agent, with its latest memory reading; null if there is nothing to show. */
  agent(runner: FleetRunner, number: number): AgentRow | null {
    const { paths } = this.#supervisor;
    const { name, fleet } = runner;
    const slot = fleet.slot(number);
    const { agent, release, restarts, lastExit } = slot;
    const state = shownState(slot);
    if (state === null) return null;
    const run = runOf(agent);
    const { ports, addresses } = fleet.spec;
    const address = addressOf(addresses, number);
    return {
      fleet: name,
      slot: number,
      state,
      pid: run?.pid ?? null,
      port: portOf(ports, number),
      ...(address !== null && { address }),
      ...(ports?.names && { ports: namedPortsOf(ports, number) }),
      socket: paths.agentSocket(name, number),
      dir: paths.slotDir(name, number),
      release: (run?.release ?? release) || null,
      ...(run?.moved !== undefined && { moved: run.moved }),
      restarts,
      startedAt: run?.startedIso ?? null,
      rssBytes: run && runner.watch(Memory).rssBytes(number),
      lastExit,
    };
  }
}

function verifyStatus(runner: FleetRunner): VerifyStatus | null {
  const { result } = runner.watch(Verification);
  if (!result) return null;
  const { counted, running, isDegraded, reason } = result;
  return { counted, running, degraded: isDegraded, reason };
}
