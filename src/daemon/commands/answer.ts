import type { Accepted } from '../../api/accepted.ts';
import type { Decision } from '../../fleet/decide/decision.ts';
import type { FleetRunner } from '../fleet/runner.ts';

/** Commits a decision, and answers with the goal to wait for. @throws FleetError if it cannot be written */
export function commitAndAnswer(runner: FleetRunner, decision: Decision): Accepted {
  runner.commit(decision.change);
  return answer(runner, decision);
}

/** The answer to a command whose change is durable. */
export function answer(
  { fleet, services }: FleetRunner,
  { goal, notes }: Omit<Decision, 'change'>,
): Accepted {
  services.tracing?.accepted(fleet, goal);
  return { fleet: fleet.name, target: fleet.target, notes, goal };
}
