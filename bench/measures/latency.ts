import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { readListeners } from '../listeners.ts';
import { type Place, portsOf } from '../place.ts';
import { readAgents } from '../processes.ts';
import { median } from '../statistics.ts';
import { killAll, untilListeningAnew } from './exits.ts';

const DEATHS = 10;
const WATCH_MS = 8_000;
const REST_MS = 300;

/**
 * Milliseconds from the kill −9 of an agent to the fork of its successor: the median of ten, one by one. The kernel says
 * which pid it gave out last (proc_loadavg(5)), and is asked all the time; which of these pids is the successor shows
 * afterwards.
 */
export async function measureLatency(place: Place): Promise<number> {
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
  return median(ports.map((port) => latencyOf(born.get(port)!, after.get(port)?.[0] ?? 0)));
}

/** Kills, and notes each new pid with the time since then. */
function watchBirths(pids: readonly number[]): { pid: number; ms: number }[] {
  const born: { pid: number; ms: number }[] = [];
  let last = lastPid();
  const begun = performance.now();
  killAll(pids);
  for (let ms = 0; ms < WATCH_MS && born.length === 0; ms = performance.now() - begun) {
    const pid = lastPid();
    if (pid !== last) born.push({ pid, ms });
    last = pid;
  }
  // What forks twice, or forks a helper first, gets its time as well.
  for (const until = performance.now() + 50; performance.now() < until; ) {
    const pid = lastPid();
    if (pid !== last) born.push({ pid, ms: performance.now() - begun });
    last = pid;
  }
  return born;
}

/** When a process was born: one that was not seen itself lies between two that were. */
function latencyOf(born: readonly { pid: number; ms: number }[], pid: number): number {
  const found = born.find((each) => each.pid >= pid);
  if (!found) throw new Error(`pid ${pid} was born later than ${WATCH_MS} ms after the kill`);
  return found.ms;
}

function lastPid(): number {
  return Number(readFileSync('/proc/loadavg', 'latin1').trim().split(' ')[4]);
}
