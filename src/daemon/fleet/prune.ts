import { decidePrune } from '../../fleet/decide/releases.ts';
import type { FleetContext } from './context.ts';

/**
 * Drops unused releases, and deletes their files next to the loop. If the disk refuses, they are kept until the next
 * time, because the command itself has been accepted.
 */
export function prune(context: FleetContext): void {
  const { fleet, name, services } = context;
  const { host, journal, paths } = services;
  const change = decidePrune(fleet);
  if (!change) return;
  const report = (error: Error) =>
    journal.note('limit', name, `older releases could not be deleted: ${error.message}`);
  try {
    context.commit(change);
  } catch (error) {
    report(error as Error);
    return;
  }
  const unused = change.forgotten!.filter((id) => !services.keepsRelease(id));
  void host.files.discard(unused.map((id) => paths.release(id))).catch(report);
}
