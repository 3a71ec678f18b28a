import { combine, type Demand, demandOf } from '../../doctor/demand.ts';
import type { HostFacts } from '../../doctor/facts.ts';
import { examineLimits, firstCeiling } from '../../doctor/table.ts';
import { describeRefusal } from '../../doctor/text.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import { runOf } from '../../fleet/agent.ts';
import type { Facts } from '../../host/host.ts';
import type { Paths } from '../../specification/paths.ts';
import type { Spec } from '../../specification/spec.ts';
import type { FleetRunner } from '../fleet/runner.ts';

/** The supervised fleets, and their host. */
interface Supervised {
  readonly host: { readonly facts: Facts };
  readonly paths: Paths;
  readonly fleets: ReadonlyMap<string, FleetRunner>;
}

/**
 * Refuses a target that the host's limits certainly do not allow: the limits of the doctor's table that can be read
 * within milliseconds.
 * @throws FleetError LIMIT_REACHED with the limit, its value and the fix; --force risks nothing but time
 */
export function checkCapacity(spec: Spec, agents: number, supervised: Supervised): void {
  const demand = demandFor(spec, agents, supervised);
  const failed = examineLimits(demand, factsHere(supervised)).find(({ verdict }) => verdict === 'fail');
  if (!failed) return;
  throw new FleetError('LIMIT_REACHED', describeRefusal(failed, agents), {
    hint: `${failed.fix}. fleetctl doctor --agents ${agents} shows every limit; --force skips this check.`,
  });
}

/** The number of agents that the host's limits allow, of all fleets together; null if no limit depends on it. */
export function agentsMax(supervised: Supervised): number | null {
  const demands = [...supervised.fleets.values()].map(({ fleet }) =>
    demandFor(fleet.spec, fleet.target, supervised),
  );
  // Together they are all agents on the host, so none belongs to another fleet.
  const demand = { ...combine(demands), others: 0 };
  return firstCeiling(examineLimits(demand, factsHere(supervised)))?.agents ?? null;
}

function demandFor(spec: Spec, agents: number, { host, paths, fleets }: Supervised): Demand {
  const { stateDir, runtimeDir } = paths;
  const own = fleets.get(spec.name);
  let others = 0;
  for (const { name, fleet } of fleets.values()) if (name !== spec.name) others += fleet.target;
  return demandOf({
    spec,
    agents,
    running: own?.fleet.running ?? 0,
    others,
    measured: own ? host.facts.measureAgents(pidsOf(own)) : null,
    directories: { stateDir, runtimeDir },
  });
}

function factsHere({ host, paths, fleets }: Supervised): HostFacts {
  const { stateDir, runtimeDir } = paths;
  const agents = [...fleets.values()].flatMap((runner) => pidsOf(runner, 1));
  const soft = Number(process.env.FLEETD_SOFT_NOFILE);
  return host.facts.read({
    directories: { stateDir, runtimeDir },
    pids: [process.pid, ...agents],
    ...(soft > 0 && { nofileOfAgents: soft }),
  });
}

/** The number of main processes of a fleet that are measured: agents are alike, and a user waits. */
const SAMPLE = 4;

function pidsOf({ fleet }: FleetRunner, count = SAMPLE): number[] {
  const pids: number[] = [];
  for (const { agent } of fleet.slots.values()) {
    if (pids.length === count) break;
    const run = runOf(agent);
    if (run) pids.push(run.pid);
  }
  return pids;
}
