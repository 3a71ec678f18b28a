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

/** What is supervised, and where. */
interface Supervised {
  readonly host: { readonly facts: Facts };
  readonly paths: Paths;
  readonly fleets: ReadonlyMap<string, FleetRunner>;
}

/**
 * Refuses a target that the host's limits surely do not allow: those of the doctor's table that can be read in some
 * milliseconds.
 * @throws FleetError LIMIT_REACHED with the limit, its value and the fix; nothing else is lost by --force but time
 */
export function checkCapacity(spec: Spec, agents: number, supervised: Supervised): void {
  const demand = demandFor(spec, agents, supervised);
  const failed = examineLimits(demand, factsHere(supervised)).find(({ verdict }) => verdict === 'fail');
  if (!failed) return;
  throw new FleetError('LIMIT_REACHED', describeRefusal(failed, agents), {
    hint: `${failed.fix}. fleetctl doctor --agents ${agents} shows every limit; --force goes on all the same.`,
  });
}

/** How many agents the host's limits allow, all fleets together; null where no limit depends on their number. */
export function agentsMax(supervised: Supervised): number | null {
  const demands = [...supervised.fleets.values()].map(({ fleet }) =>
    demandFor(fleet.spec, fleet.target, supervised),
  );
  // Together they are all the agents that there are: none is another fleet's.
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
