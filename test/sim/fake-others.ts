import type { OtherProcesses } from '../../src/host/host.ts';
import type { HostWorld } from './fake-host.ts';
import { systemCallError } from './fake-processes.ts';

/** Processes that belong to no slot, as a supervisor sees them on an imaginary kernel. */
export function fakeOthers(world: HostWorld): OtherProcesses {
  const { disk, faults, gate, kernel } = world;
  const at = (pid: number) => kernel.processes.get(pid);
  const parentOf = (pid: number) => at(pid)?.parentPid ?? null;
  return {
    list: () => [...kernel.processes.keys()],
    identify: (pid) => {
      const found = at(pid);
      return found ? { pid, startTicks: found.startTicks } : null;
    },
    parentOf,
    ancestorsOf: (pid) => {
      const parent = parentOf(pid);
      return parent === null ? [] : [parent, ...(parent > 1 ? [1] : [])];
    },
    executableOf: (pid) => {
      const program = at(pid)?.program;
      if (!program) return null;
      const isReplaced = disk.at(program.path)?.id !== program.file;
      return { ...program, isReplaced };
    },
    uidsOf: (pid) => {
      const found = at(pid);
      return found ? [found.uid, found.uid, found.uid] : [];
    },
    originOf: () => ({ parents: [], cgroup: null, unit: null }),
    // A socket's inode is the pid of who serves it.
    socketsOf: (pid) => (at(pid)?.isReady && at(pid)?.env.FLEET_PORT ? [pid] : []),
    rssBytes: (pid) => (at(pid) ? 2 ** 20 : null),
    isStill: (process) => kernel.find(process) !== null,
    hold: (pid) => {
      gate.step(`others.hold ${pid}`);
      const held = at(pid);
      if (!held) return null;
      const code = faults.handle();
      if (code !== null) throw systemCallError('pidfd_open', code);
      return {
        signal: (name) => {
          gate.step(`others.signal ${pid} ${name}`);
          if (!kernel.isAlive(held)) return false;
          world.endingOther(held);
          kernel.signal(held, name);
          return true;
        },
        close: () => {},
      };
    },
  };
}
