import type { WatchdogAnswer } from '../../api/watchdog.ts';
import { judgeWatch, watchFleet } from '../../supervisor/watchdog.ts';
import { findStrays } from '../strays/find.ts';
import type { Supervisor } from '../supervisor.ts';

/** Looks at everything once. @param fleet the fleet that is asked about; null for all */
export async function watchOnce(supervisor: Supervisor, fleet: string | null): Promise<WatchdogAnswer> {
  const { found } = await findStrays(supervisor, fleet);
  const strays = Map.groupBy(found, (stray) => stray.fleet);
  const fleets = [...supervisor.fleets.values()].filter(({ name }) => fleet === null || name === fleet);
  const watched = fleets.map((managed) => {
    const leak = supervisor.leaks.of(managed);
    const verified = supervisor.verification.of(managed);
    return watchFleet(managed.fleet, {
      strays: strays.get(managed.name)?.length ?? 0,
      leak: leak.verdict === 'leak' ? leak.words : null,
      uncounted: verified?.isDegraded ? verified.reason : null,
    });
  });
  return {
    ...judgeWatch(watched, supervisor.host.memory.readMemory(), supervisor.maintenance.state),
    supervisor: { pid: process.pid },
  };
}
