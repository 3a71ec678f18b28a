import { type Run, runOf } from '../../fleet/agent.ts';
import { portOf } from '../../specification/paths.ts';
import type { Ready } from '../../specification/spec.ts';
import type { FleetContext } from '../fleet/context.ts';
import { accountFor, helperLaunch, launchWorld } from '../fleet/launch.ts';
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
 * Checks agents by the checks of their own release, and passes on the results of those that are still the same: one may
 * have ended meanwhile, and another started.
 */
export async function checkAgents(
  { fleet }: FleetContext,
  agents: readonly CheckedAgent[],
  check: (ready: Ready, agents: readonly CheckedAgent[]) => Promise<Problem[]>,
  use: (agent: CheckedAgent, problem: Problem) => void,
): Promise<void> {
  const byRelease = Map.groupBy(agents, ({ release }) => release);
  await Promise.all(
    [...byRelease].map(async ([release, alike]) => {
      const problems = await check(fleet.specOf(release).ready, alike);
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
    socket: paths.agentSocket(name, slot),
    helper: () => checkLaunch(context, slot, run.release),
  };
}

/** The process of an exec check, in the environment of its agent. */
function checkLaunch(context: FleetContext, slot: number, id: string) {
  const world = launchWorld(context, slot, id);
  const { ready, user } = world.spec;
  const argv = ready.kind === 'exec' ? ready.argv : [];
  const account = accountFor(world.host.processes.users, user, slot);
  return helperLaunch(world, { argv, where: 'ready.exec', output: { path: '/dev/null' } }, account);
}
