import { listPids, readRssBytes } from '../proc/pid.ts';
import { isStill, readStat } from '../proc/stat.ts';
import { readExecutable } from './find.ts';
import { endProcess } from './kill.ts';
import { ancestorsOf, readOrigin, readUids, socketsOf } from './origin.ts';
import type { OtherProcesses } from './others.ts';

/** Processes of others as /proc has them. */
export const linuxOthers: OtherProcesses = {
  list: listPids,
  identify: (pid) => {
    const stat = readStat(pid);
    return stat && { pid, startTicks: stat.startTicks };
  },
  parentOf: (pid) => readStat(pid)?.parent ?? null,
  ancestorsOf,
  executableOf: readExecutable,
  uidsOf: readUids,
  originOf: readOrigin,
  socketsOf,
  rssBytes: readRssBytes,
  isStill,
  end: endProcess,
};
