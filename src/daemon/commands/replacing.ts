import { FleetError } from '../../errors/fleet-error.ts';
import type { Change } from '../../fleet/change.ts';
import type { FleetRunner } from '../fleet/runner.ts';
import { startProblem } from '../fleet/stops.ts';

/**
 * Checks that agents which a change replaces can be started again, before any healthy one is stopped for it.
 * @throws FleetError EXECUTABLE_UNUSABLE
 */
export function checkReplacing(runner: FleetRunner, { slots = [] }: Change): void {
  const { fleet, name } = runner;
  const replaced = slots.filter(({ slot, wanted, release, generation }) => {
    const its = fleet.slots.get(slot);
    return wanted && its?.wanted && (its.release !== release || its.generation !== generation);
  });
  for (const [release, [first]] of Map.groupBy(replaced, (record) => record.release)) {
    const problem = startProblem(runner, first!.slot, release);
    if (problem === null) continue;
    throw new FleetError(
      'EXECUTABLE_UNUSABLE',
      `release ${release} of fleet ${name} cannot be started: ${problem}; nothing was stopped`,
      { hint: 'Put the program back, or move the fleet to a release that can be started.' },
    );
  }
}
