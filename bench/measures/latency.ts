import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { readListeners } from '../listeners.ts';
import { type Place, portsOf } from '../place.ts';
import { readAgents } from '../processes.ts';
import { median } from '../statistics.ts';
import { killAll, untilListeningAnew } from './exits.ts';

const DEATHS = 10;
const WATCH_MS = 1_500;
const REST_MS = 300;

/**
 * Milliseconds from the kill −9 of an agent to the fork of its successor: the median of ten, one by one. The kernel says
 * which pid it gave out last (proc_loadavg(5)), and is asked all the time; which of these pids is the successor shows
 * afterwards. Null where it came later than that.
 */
export async function measureLatency(place: Place): Promise<number | null> {
  const ports = portsOf(place).slice(0, DEATHS);
  const before = readAgents(place);
  const sockets = readListeners(place);
  const born = new Map<number, { pid: number; ms: number }[]>();
  for (const port of ports) {
    born.set(port, watchBirths(before.get(port) ?? []));
    await sleep(REST_MS);
  }
  await untilListeningAnew(place, ports, sockets);
  const after = readAgents(place);
  const found = ports.flatMap((port) => latencyOf(born.get(port)!, after.get(port)?.[0] ?? 0) ?? []);
  return found.length === 0 ? null : median(found);
}

/** Kills, and notes each new pid with the time since then; what waits a second before it starts again is among them. */
function watchBirths(pids: readonly number[]): { pid: number; ms: number }[] {
  const born: { pid: number; ms: number }[] = [];
  let last = lastPid();
  const begun = performance.now();
  killAll(pids);
  for (let ms = 0; ms < WATCH_MS; ms = performance.now() - begun) {
    const pid = lastPid();
    if (pid !== last) born.push({ pid, ms });
    last = pid;
  }
  return born;
}

/** When a process was born: one that was not seen itself lies between two that were. Null where the pids began anew. */
function latencyOf(born: readonly { pid: number; ms: number }[], pid: number): number | null {
  return born.find((each) => each.pid >= pid)?.ms ?? null;
}

function lastPid(): number {
  return Number(readFileSync('/proc/loadavg', 'latin1').trim().split(' ')[4]);
}
