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

/** Agents that are asked for: those of one fleet. */
export interface Asked {
  spec: Spec;
  agents: number;
}

/**
 * Refuses targets that the host's limits certainly do not allow: the limits of the doctor's table that can be read
 * within milliseconds. Each fleet must fit next to the others, and those that are asked for must fit together.
 * @param targets the targets that other fleets get at the same time
 * @throws FleetError LIMIT_REACHED with the limit, its value and the fix; --force risks nothing but time
 */
export function checkCapacity(
  asked: readonly Asked[],
  supervised: Supervised,
  targets: ReadonlyMap<string, number> = new Map(),
): void {
  if (asked.length === 0) return;
  const demands = asked.map(({ spec, agents }) => demandFor(spec, agents, supervised, targets));
  const names = new Set(asked.map(({ spec }) => spec.name));
  const together = { ...combine(demands), others: othersOf(supervised, targets, names) };
  const facts = factsHere(supervised);
  for (const demand of demands.length === 1 ? demands : [together, ...demands]) {
    const failed = examineLimits(demand, facts).find(({ verdict }) => verdict === 'fail');
    if (!failed) continue;
    const { agents } = demand;
    throw new FleetError('LIMIT_REACHED', describeRefusal(failed, agents), {
      hint: `${failed.fix}. fleetctl doctor --agents ${agents} shows every limit; --force skips this check.`,
    });
  }
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

function demandFor(
  spec: Spec,
  agents: number,
  supervised: Supervised,
  targets: ReadonlyMap<string, number> = new Map(),
): Demand {
  const { host, paths, fleets } = supervised;
  const { stateDir, runtimeDir } = paths;
  const own = fleets.get(spec.name);
  return demandOf({
    spec,
    agents,
    running: own?.fleet.running ?? 0,
    others: othersOf(supervised, targets, new Set([spec.name])),
    measured: own ? host.facts.measureAgents(pidsOf(own)) : null,
    directories: { stateDir, runtimeDir },
  });
}

/** The number of agents of all fleets but some; `targets` has those of fleets that are about to change. */
function othersOf(
  { fleets }: Supervised,
  targets: ReadonlyMap<string, number>,
  except: ReadonlySet<string>,
): number {
  const all = new Map([...fleets.values()].map(({ name, fleet }) => [name, fleet.target]));
  for (const [name, target] of targets) all.set(name, target);
  let sum = 0;
  for (const [name, target] of all) if (!except.has(name)) sum += target;
  return sum;
}

function factsHere({ host, paths, fleets }: Supervised): HostFacts {
  const { stateDir, runtimeDir } = paths;
  const agents = [...fleets.values()].flatMap((runner) => pidsOf(runner, 1));
  return host.facts.read({
    directories: { stateDir, runtimeDir },
    pids: [process.pid, ...agents],
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
