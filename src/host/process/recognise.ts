import { constants, statSync } from 'node:fs';
import type { SlotFiles } from '../cgroup/containment.ts';
import { readEnvironment, readFdInfo, readLink, statLink } from '../proc/pid.ts';
import type { Stat } from '../proc/stat.ts';

/** The name of bubblewrap's program; only processes of this name are looked at closer. */
const BUBBLEWRAP = 'bwrap';
/** The kernel's maximum for words and environment together: three quarters of 8 MiB (fs/exec.c, _STK_LIM). */
const ENVIRON_BYTES_MAX = 6 * 1024 * 1024;

/**
 * Whether a process is an errand next to an agent, in its slot's directory and with its log (prepare, an exec check): its
 * stdin is /dev/null opened to append (launcher/calls.ts), which has no effect, shows in proc_pid_fdinfo(5), and is otherwise
 * never done. It only matters where nothing else distinguishes it from the agent: without cgroups, and for bubblewrap.
 */
export function isErrand(pid: number): boolean {
  const flags = /^flags:\s+([0-7]+)$/m.exec(readFdInfo(pid, 0))?.[1];
  const isMarked = flags !== undefined && (Number.parseInt(flags, 8) & constants.O_APPEND) !== 0;
  return isMarked && readLink(pid, 'fd/0') === '/dev/null';
}

/** Whether a process is bubblewrap in front of an agent: marked as errands are, with which it shares that it is not the agent. */
export function isGuard({ pid, name }: Stat): boolean {
  return name === BUBBLEWRAP && isErrand(pid);
}

/**
 * The slot that a process was started for, by what it still has of its start: the log that it writes to, or (if the log
 * is elsewhere, or was closed) its directory and its environment together. A hint, not a proof: daemons change these and
 * tenants forge them.
 */
export function recogniseAgent(pid: number, files: SlotFiles): string | null {
  const byLog = slotOfLog(pid, files);
  if (byLog) return byLog;
  const byDir = slotOfDirectory(pid, files);
  const environment = byDir ? readEnvironment(pid, ENVIRON_BYTES_MAX) : [];
  return environment.includes(`FLEET_DIR=${readLink(pid, 'cwd')}`) ? byDir : null;
}

/** Whether a process of a cgroup tree has something of ours open, which is enough to recognise the tree. */
export function isAtHome(pid: number, files: SlotFiles): boolean {
  return slotOfLog(pid, files) !== null || slotOfDirectory(pid, files) !== null;
}

function slotOfLog(pid: number, files: SlotFiles): string | null {
  const output = readLink(pid, 'fd/1');
  const slot = output === null ? null : files.keyOfLog(output);
  return slot !== null && leadsTo(pid, 'fd/1', output!) ? slot : null;
}

function slotOfDirectory(pid: number, files: SlotFiles): string | null {
  const directory = readLink(pid, 'cwd');
  const slot = directory === null ? null : files.keyOfDir(directory);
  return slot !== null && leadsTo(pid, 'cwd', directory!) ? slot : null;
}

/** The path is as in the process's mount namespace: anybody can make one in which another file has that name. */
function leadsTo(pid: number, link: string, path: string): boolean {
  const there = statLink(pid, link);
  const here = statSync(path, { throwIfNoEntry: false });
  return there !== null && there.dev === here?.dev && there.ino === here.ino;
}
