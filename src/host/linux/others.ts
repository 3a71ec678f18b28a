import { listPids, readRssBytes } from '../proc/pid.ts';
import { isStill, readStat } from '../proc/stat.ts';
import { readUids } from '../proc/status.ts';
import { readExecutable } from '../strays/find.ts';
import { ancestorsOf, readOrigin, socketsOf } from '../strays/origin.ts';
import type { OtherProcesses } from '../strays/others.ts';
import { closeFd, openPidfd, signalPidfd } from '../sys/pidfd.ts';

/** Processes of others, from /proc. */
export const linuxOthers: OtherProcesses = {
  list: () => listPids(),
  identify: (pid) => {
    const stat = readStat(pid);
    return stat && { pid, startTicks: stat.startTicks };
  },
  parentOf: (pid) => readStat(pid)?.parent ?? null,
  ancestorsOf,
  executableOf: readExecutable,
  uidsOf: (pid) => readUids(pid),
  originOf: readOrigin,
  socketsOf,
  rssBytes: (pid) => readRssBytes(pid),
  isStill: (process) => isStill(process),
  hold: (pid) => {
    const pidfd = openPidfd(pid);
    if (pidfd === null) return null;
    return { signal: (name) => signalPidfd(pidfd, name), close: () => closeFd(pidfd) };
  },
};
