import { setTimeout as sleep } from 'node:timers/promises';
import type { Contestant } from '../contestants/contestant.ts';
import { cpuMsBetween, readCpuMs } from '../processes.ts';

/** From here on a supervision counts as at rest, in percent of a core over a second. */
const REST_PERCENT = 2;
const REST_LOOK_MS = 1_000;
const REST_LOOKS_MAX = 20;

/** CPU of the supervision over a time, in percent of one core. */
export async function measureCpu(contestant: Contestant, forMs: number): Promise<number> {
  const pids = contestant.supervision();
  const before = readCpuMs(pids);
  const begun = performance.now();
  await sleep(forMs);
  return (100 * cpuMsBetween(before, readCpuMs(pids))) / (performance.now() - begun);
}

/** Waits until the supervision is done with what it does after a start; one that never rests is not waited for. */
export async function untilAtRest(contestant: Contestant): Promise<void> {
  for (let look = 0; look < REST_LOOKS_MAX; look++) {
    if ((await measureCpu(contestant, REST_LOOK_MS)) < REST_PERCENT) return;
  }
}
