import type { ProcessId } from '../../fleet/agent.ts';
import { ticksToMs } from '../sys/process-id.ts';
import { PROC, readRecord } from './read.ts';

/** The part of /proc/PID/stat that identifies a process. */
export interface Stat {
  pid: number;
  /** The name of its program's file, 15 bytes at most; it may change that itself. */
  name: string;
  /** One letter (proc_pid_stat(5)): Z is a zombie, which has ended. */
  state: string;
  parent: number;
  group: number;
  session: number;
  /** Start time in ticks since boot: with the pid it identifies this one process until the next boot. */
  startTicks: number;
  /** If the first thread has ended (Z), others may still run and hold the process's resources. */
  threads: number;
}

/**
 * Parses /proc/PID/stat. The command name stands in parentheses and may contain anything, spaces and parentheses
 * included, so the fields are counted from the last closing one.
 * @returns null for text that is not a stat line
 */
export function parseStat(text: string): Stat | null {
  const close = text.lastIndexOf(')');
  if (close < 0) return null;
  const fields = text.slice(close + 2).split(' ');
  const stat = {
    pid: Number.parseInt(text, 10),
    name: text.slice(text.indexOf('(') + 1, close),
    state: fields[0] ?? '',
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    startTicks: Number(fields[19]),
    threads: Number(fields[17]),
  };
  return Number.isInteger(stat.pid) && Number.isInteger(stat.startTicks) ? stat : null;
}

/** Whether a process has ended: it is gone, or a zombie without threads. */
export function hasEnded(stat: Stat | null): boolean {
  return stat === null || (stat.state === 'Z' && stat.threads <= 1);
}

/** Reads /proc/PID/stat; null if there is no such process. */
export function readStat(pid: number, proc = PROC): Stat | null {
  const text = readRecord(`${proc}/${pid}/stat`);
  return text === null ? null : parseStat(text);
}

/** Whether a process exists, and is still the intended one. */
export function isStill({ pid, startTicks }: ProcessId, proc = PROC): boolean {
  const stat = readStat(pid, proc);
  return stat?.startTicks === startTicks && !hasEnded(stat);
}

/** Processor time that a process has used, user and system (fields 14 and 15); null if there is no such process. */
export function readCpuMs(pid: number, proc = PROC): number | null {
  const text = readRecord(`${proc}/${pid}/stat`);
  if (text === null) return null;
  const [user, system] = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13);
  return ticksToMs(Number(user) + Number(system));
}
