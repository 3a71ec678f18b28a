import { readdirSync } from 'node:fs';
import { listPids } from '../src/host/proc/pid.ts';
import { isGone, readProc } from '../src/host/proc/read.ts';
import { hasEnded, readStat } from '../src/host/proc/stat.ts';
import { agentArgs, type Place } from './place.ts';

/**
 * The processes of a place: those in whose environment its directory stands, from /proc/PID/environ. MARK sees to that;
 * a supervisor that is started with a clean environment still has it in the variables that say where its files are.
 */
export function findProcesses({ directory }: Place): number[] {
  return listPids().filter((pid) => readProc(`/proc/${pid}/environ`)?.includes(`=${directory}`));
}

/**
 * The agents' processes by port, from their command lines: two of one port are a duplicate. What an agent has forked
 * to serve a connection is not one.
 */
export function readAgents({ portBase, agents }: Place): Map<number, number[]> {
  const found = new Map<number, number[]>();
  const before = `\0${agentArgs('').join('\0')}`;
  for (const pid of listPids()) {
    const command = readProc(`/proc/${pid}/cmdline`)?.toString('latin1') ?? '';
    const at = command.indexOf(before);
    const port =
      at < 0 || !command.slice(0, at).endsWith('busybox') ? 0 : parsePort(command, at + before.length);
    if (port < portBase || port >= portBase + agents) continue;
    found.set(port, [...(found.get(port) ?? []), pid]);
  }
  for (const [port, pids] of found) {
    if (pids.length > 1)
      found.set(
        port,
        pids.filter((pid) => !pids.includes(readStat(pid)?.parent ?? 0)),
      );
  }
  return found;
}

/** Whether a process still does anything: a zombie does not. */
export function isAlive(pid: number): boolean {
  return !hasEnded(readStat(pid));
}

/**
 * CPU time of processes since each was started, in milliseconds, from the first field of /proc/PID/task/TID/schedstat
 * (nanoseconds; Documentation/scheduler/sched-stats): the ticks of /proc/PID/stat are too coarse for a process that
 * works for a fraction of a millisecond.
 * @returns by pid, so that those that come and go in between can be told
 */
export function readCpuMs(pids: readonly number[]): Map<number, number> {
  return new Map(pids.map((pid) => [pid, sum(listTasks(pid).map((task) => readTaskCpuMs(pid, task)))]));
}

/** What processes worked between two readings. One that is new counts from zero; one that is gone, not at all. */
export function cpuMsBetween(before: Map<number, number>, after: Map<number, number>): number {
  return sum([...after].map(([pid, ms]) => Math.max(0, ms - (before.get(pid) ?? 0))));
}

function listTasks(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

function readTaskCpuMs(pid: number, task: string): number {
  const [ns] = readProc(`/proc/${pid}/task/${task}/schedstat`)?.toString('latin1').split(' ') ?? [];
  return Number(ns ?? 0) / 1e6;
}

function parsePort(command: string, at: number): number {
  return Number(command.slice(at).split('\0')[0]);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
