import { decidePrune } from '../../fleet/decide/releases.ts';
import type { FleetContext } from './context.ts';

/**
 * Forgets releases that nobody needs, and deletes their files next to the loop. A disk that does not take that keeps them
 * until the next time: what was accepted before is accepted.
 */
export function prune(context: FleetContext): void {
  const { fleet, name, services } = context;
  const { host, journal, paths } = services;
  const change = decidePrune(fleet);
  if (!change) return;
  const tell = (error: Error) => journal.note('limit', name, `older releases are kept: ${error.message}`);
  try {
    context.commit(change);
  } catch (error) {
    tell(error as Error);
    return;
  }
  const unused = change.forgotten!.filter((id) => !services.keepsRelease(id));
  void host.files.discard(unused.map((id) => paths.release(id))).catch(tell);
}
