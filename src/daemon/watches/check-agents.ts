import { type Run, runOf } from '../../fleet/agent.ts';
import type { Launch } from '../../host/host.ts';
import { addressOf } from '../../specification/addresses.ts';
import { portOf } from '../../specification/paths.ts';
import { expand } from '../../specification/placeholders.ts';
import type { Spec } from '../../specification/spec.ts';
import type { FleetContext } from '../fleet/context.ts';
import {
  accountFor,
  type HelperCommand,
  helperLaunch,
  launchWorld,
  placeholdersOf,
} from '../fleet/launch.ts';
import type { CheckedAgent, Problem } from '../shared/checks.ts';

/** The running agents of these slots, as checks need them. */
export function checkedAgents(context: FleetContext, slots: Iterable<number>): CheckedAgent[] {
  const agents: CheckedAgent[] = [];
  for (const slot of slots) {
    const agent = context.fleet.slots.get(slot)?.agent;
    const run = agent && runOf(agent);
    if (run) agents.push(checkedAgent(context, slot, run));
  }
  return agents;
}

/**
 * Checks agents by the spec of their own release, and passes on the results of those that are still the same: one may
 * have ended meanwhile, and another started.
 */
export async function checkAgents(
  { fleet }: FleetContext,
  agents: readonly CheckedAgent[],
  check: (spec: Spec, agents: readonly CheckedAgent[]) => Promise<Problem[]>,
  use: (agent: CheckedAgent, problem: Problem) => void,
): Promise<void> {
  const byRelease = Map.groupBy(agents, ({ release }) => release);
  await Promise.all(
    [...byRelease].map(async ([release, alike]) => {
      const problems = await check(fleet.specOf(release), alike);
      for (const [i, asked] of alike.entries()) {
        const agent = fleet.slots.get(asked.slot)?.agent;
        if (agent && runOf(agent)?.pid === asked.pid) use(asked, problems[i] ?? null);
      }
    }),
  );
}

function checkedAgent(context: FleetContext, slot: number, run: Run): CheckedAgent {
  const { fleet, name, services } = context;
  const { host, paths } = services;
  return {
    key: context.key(slot),
    slot,
    pid: run.pid,
    release: run.release,
    ageMs: host.now() - run.startedAt,
    port: portOf(fleet.spec.ports, slot),
    address: addressOf(fleet.spec.addresses, slot),
    socket: paths.agentSocket(name, slot),
    fill: (template) => expand(template, placeholdersOf(fleet.specOf(run.release), run.release, slot, paths)),
    helper: (argv, where) => checkLaunch(context, slot, run.release, { argv, where }),
  };
}

/** The process of an exec check, in the environment of its agent. */
function checkLaunch(
  context: FleetContext,
  slot: number,
  id: string,
  command: Pick<HelperCommand, 'argv' | 'where'>,
): Launch {
  const world = launchWorld(context, slot, id);
  const account = accountFor(world.host.processes.users, world.spec.user, slot);
  return helperLaunch(world, { ...command, output: { path: '/dev/null' } }, account);
}
