import { combine, type Demand, demandOf } from '../../doctor/demand.ts';
import type { HostFacts } from '../../doctor/facts.ts';
import { examineLimits, firstCeiling } from '../../doctor/table.ts';
import { describeRefusal } from '../../doctor/text.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import { runOf } from '../../fleet/agent.ts';
import { measureAgents } from '../../host/facts/agents.ts';
import { readHostFacts } from '../../host/facts/facts.ts';
import type { Paths } from '../../specification/paths.ts';
import type { Spec } from '../../specification/spec.ts';
import type { FleetRunner } from '../fleet/runner.ts';

type Fleets = ReadonlyMap<string, FleetRunner>;

/**
 * Refuses a target that the host's limits surely do not allow: those of the doctor's table that can be read in some
 * milliseconds.
 * @throws FleetError LIMIT_REACHED with the limit, its value and the fix; nothing else is lost by --force but time
 */
export function checkCapacity(spec: Spec, agents: number, paths: Paths, fleets: Fleets): void {
  const demand = demandFor(spec, agents, paths, fleets);
  const failed = examineLimits(demand, factsHere(paths, fleets)).find(({ verdict }) => verdict === 'fail');
  if (!failed) return;
  throw new FleetError('LIMIT_REACHED', describeRefusal(failed, agents), {
    hint: `${failed.fix}. fleetctl doctor --agents ${agents} shows every limit; --force goes on all the same.`,
  });
}

/** How many agents the host's limits allow, all fleets together; null where no limit depends on their number. */
export function agentsMax(paths: Paths, fleets: Fleets): number | null {
  const demands = [...fleets.values()].map(({ fleet }) => demandFor(fleet.spec, fleet.target, paths, fleets));
  // Together they are all the agents that there are: none is another fleet's.
  const demand = { ...combine(demands), others: 0 };
  return firstCeiling(examineLimits(demand, factsHere(paths, fleets)))?.agents ?? null;
}

function demandFor(spec: Spec, agents: number, { stateDir, runtimeDir }: Paths, fleets: Fleets): Demand {
  const own = fleets.get(spec.name);
  let others = 0;
  for (const { name, fleet } of fleets.values()) if (name !== spec.name) others += fleet.target;
  return demandOf({
    spec,
    agents,
    running: own?.fleet.running ?? 0,
    others,
    measured: own ? measureAgents(pidsOf(own), { isQuick: true }) : null,
    directories: { stateDir, runtimeDir },
  });
}

function factsHere({ stateDir, runtimeDir }: Paths, fleets: Fleets): HostFacts {
  const agents = [...fleets.values()].flatMap((runner) => pidsOf(runner, 1));
  const soft = Number(process.env.FLEETD_SOFT_NOFILE);
  return readHostFacts({
    directories: { stateDir, runtimeDir },
    pids: [process.pid, ...agents],
    ...(soft > 0 && { nofileOfAgents: soft }),
  });
}

/** So many of a fleet's main processes tell what one takes. */
const SAMPLE = 8;

function pidsOf({ fleet }: FleetRunner, count = SAMPLE): number[] {
  const pids: number[] = [];
  for (const { agent } of fleet.slots.values()) {
    if (pids.length === count) break;
    const run = runOf(agent);
    if (run) pids.push(run.pid);
  }
  return pids;
}
