import type { Step } from '../../fleet/steps.ts';
import type { FleetContext } from './context.ts';
import { Preparation } from './preparation.ts';

/** Removes what slots have on the host; with `kill --purge`, their directories and logs as well. */
export function vacateAll(context: FleetContext, steps: readonly Extract<Step, { do: 'vacate' }>[]): void {
  const { fleet, name, services } = context;
  const { files } = services.host;
  files.vacate(steps.map(({ slot }) => ({ key: context.key(slot), paths: context.slotPaths(slot) })));
  const purged = steps.map(({ slot }) => slot).filter((slot) => fleet.slot(slot).purge);
  if (purged.length > 0) {
    const paths = purged.flatMap((slot) => services.paths.keptOf(name, slot, fleet.spec.logs.keep));
    files
      .discard(paths)
      .catch((error: Error) =>
        services.journal.note('limit', name, `some files could not be deleted: ${error.message}`, purged),
      );
    services.journal.note('target', name, 'directories and logs are deleted', purged);
  }
  for (const { slot } of steps) {
    context.watch(Preparation).takeSecrets(slot);
    fleet.remove(slot);
    context.noteRun(slot);
  }
}
