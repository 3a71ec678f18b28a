import type { Accepted } from '../../api/accepted.ts';
import type { Decision } from '../../fleet/decide/decision.ts';
import type { FleetRunner } from '../fleet/runner.ts';

/** Commits what was decided, and answers with what to wait for. @throws FleetError where it cannot be written */
export function carryOut(runner: FleetRunner, decision: Decision): Accepted {
  runner.commit(decision.change);
  return answer(runner, decision);
}

/** What a command answers once its change is durable. */
export function answer({ fleet }: FleetRunner, { goal, notes }: Omit<Decision, 'change'>): Accepted {
  return { fleet: fleet.name, target: fleet.target, notes, goal };
}
