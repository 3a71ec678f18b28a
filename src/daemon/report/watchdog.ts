import type { WatchdogAnswer } from '../../api/watchdog.ts';
import { judgeWatch, watchFleet } from '../../supervisor/watchdog.ts';
import { findStrays } from '../strays/find.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { Leaks } from '../watches/leaks.ts';
import { Verification } from '../watches/verification.ts';

/** Checks everything once. @param fleet the fleet that is asked about; null for all */
export async function watchOnce(supervisor: Supervisor, fleet: string | null): Promise<WatchdogAnswer> {
  const { found } = await findStrays(supervisor, fleet);
  const strays = Map.groupBy(found, (stray) => stray.fleet);
  const fleets = [...supervisor.fleets.values()].filter(({ name }) => fleet === null || name === fleet);
  const watched = fleets.map((runner) => {
    const leak = runner.watch(Leaks).status;
    const verified = runner.watch(Verification).result;
    return watchFleet(runner.fleet, {
      strays: strays.get(runner.name)?.length ?? 0,
      leak: leak.verdict === 'leak' ? leak.words : null,
      uncounted: verified?.isDegraded ? verified.reason : null,
    });
  });
  return {
    ...judgeWatch(watched, supervisor.host.memory.readMemory(), supervisor.maintenance.state),
    supervisor: { pid: process.pid },
  };
}
