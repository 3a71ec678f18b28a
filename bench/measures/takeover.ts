import { setTimeout as sleep } from 'node:timers/promises';
import type { Contestant } from '../contestants/contestant.ts';
import type { Place } from '../place.ts';
import { isAlive, readAgents } from '../processes.ts';
import { untilTrue } from '../waiting.ts';

/** One that has not found its agents in this time will not. */
const PATIENCE_MS = { base: 10_000, perAgent: 3 };
/** The pause before it is asked again. */
const ASK_MS = 10;

/** What a supervisor that was killed and started again makes of the agents that it had. */
export interface Takeover {
  /** Seconds until it knows exactly the agents that run; null where it did not come to that. */
  seconds: number | null;
  /** Agents that ended. */
  lost: number;
  /** Processes beyond one for each port, running at the end. */
  doubled: number;
  /** Running agents that it does not know at the end. */
  unknown: number;
}

/**
 * Who is killed: the process whose end is the end of the supervisor, or all of the supervision, as an OOM killer or a
 * stopped unit would do. For one that is a single process it is the same.
 */
export type Victims = 'supervisor' | 'supervision';

/** kill −9 of the supervisor, and a new one at once. The agents it had must run on, and it must know them. */
export async function measureTakeover(
  contestant: Contestant,
  place: Place,
  victims: Victims,
): Promise<Takeover> {
  const before = [...readAgents(place).values()].flat();
  await contestant.beforeSupervisorEnds();
  const pids = victims === 'supervisor' ? contestant.supervisors() : contestant.supervision();
  const begun = performance.now();
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await untilTrue(
    () => !pids.some(isAlive),
    place.timeoutMs,
    () => 'the supervisor is gone',
  );
  await contestant.startSupervisor();
  // One that cannot be asked yet knows nothing.
  const ask = () => contestant.knownAgents().catch(() => null);
  const patienceMs = PATIENCE_MS.base + place.agents * PATIENCE_MS.perAgent;
  let seconds: number | null = null;
  while (seconds === null && performance.now() - begun < patienceMs) {
    const known = await ask();
    if (known === null) {
      await sleep(ASK_MS);
      continue;
    }
    const answeredAt = performance.now();
    // To read all of /proc, as this does next, is not the supervisor's time.
    const { unknown, doubled, missing } = compare(known, place);
    if (unknown + doubled + missing === 0) seconds = (answeredAt - begun) / 1_000;
  }
  const { unknown, doubled } = compare((await ask()) ?? new Set(), place);
  return { seconds, lost: before.filter((pid) => !isAlive(pid)).length, doubled, unknown };
}

/** What a supervisor knows beside what runs. */
function compare(
  known: ReadonlySet<number>,
  place: Place,
): { unknown: number; doubled: number; missing: number } {
  const agents = readAgents(place);
  const pids = [...agents.values()].flat();
  return {
    unknown: pids.filter((pid) => !known.has(pid)).length,
    doubled: pids.length - agents.size,
    missing: place.agents - agents.size,
  };
}
