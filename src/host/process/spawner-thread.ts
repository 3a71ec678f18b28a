import { readdirSync, readlinkSync } from 'node:fs';
import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { ProcessId } from '../../fleet/agent.ts';
import type { Launch } from '../launcher/launch.ts';
import { readStat } from '../proc/stat.ts';
import { currentTicks } from '../sys/clock.ts';
import { check, libc, SystemCallError } from '../sys/libc.ts';
import { closeFd, copyFd, openPidfd, orKill } from '../sys/pidfd.ts';
import { spawnProcess } from './spawn.ts';
import { COUNTER, END, type SpawnerMemory, type SpawnFailure, type SpawnOrder } from './spawner.ts';

const CLONE_FILES = 0x400;
/** The descriptors of this thread's own loop; all others in its copy of the table are the main thread's. */
const LOOPS_OWN = /^(?:anon_inode:\[(?:eventpoll|eventfd|io_uring)\]|pipe:)/;

const { counters, orders, reportFd } = workerData as SpawnerMemory;

/** Leaves the main thread's table of descriptors (unshare(2)) and closes its copies. */
function leaveDescriptors(): void {
  check('unshare', libc.unshare(CLONE_FILES));
  for (const fd of readdirSync('/proc/thread-self/fd').map(Number)) {
    if (fd > 2 && fd !== reportFd && !LOOPS_OWN.test(linkOf(fd))) closeFd(fd);
  }
}

/** The link of a descriptor; the one through which the directory was read is closed by now, and counts as kept. */
function linkOf(fd: number): string {
  try {
    return readlinkSync(`/proc/thread-self/fd/${fd}`);
  } catch {
    return 'pipe:';
  }
}

function start({ launch, number }: SpawnOrder): ProcessId | SpawnFailure {
  try {
    const before = currentTicks();
    const pid = withOutput(launch, (own) => spawnProcess(own, { launch: number, fd: reportFd }));
    // Reading it costs a quarter of a start, and mostly the tick is known. A process that has ended at once can still be
    // read, because it is not reaped yet.
    const startTicks = before === currentTicks() ? before : orKill(pid, () => readStat(pid)!.startTicks);
    return { pid, startTicks };
  } catch (error) {
    return toFailure(error);
  }
}

/** A descriptor that is handed over is the main thread's, so a copy is needed here. */
function withOutput(launch: Launch, work: (launch: Launch) => number): number {
  if (!('fd' in launch.output)) return work(launch);
  const self = openPidfd(process.pid)!;
  try {
    const fd = copyFd(self, launch.output.fd);
    try {
      return work({ ...launch, output: { fd } });
    } finally {
      closeFd(fd);
    }
  } finally {
    closeFd(self);
  }
}

function toFailure(error: unknown): SpawnFailure {
  if (error instanceof SystemCallError) return { syscall: error.syscall, errno: error.errno };
  const { message, code } = error as NodeJS.ErrnoException;
  return { message, code };
}

leaveDescriptors();
for (let done = 0; ; done++) {
  Atomics.wait(counters, COUNTER.given, done);
  const order = receiveMessageOnPort(orders)!.message as SpawnOrder[] | typeof END;
  if (order === END) break;
  orders.postMessage(order.map(start));
  Atomics.add(counters, COUNTER.done, 1);
  Atomics.notify(counters, COUNTER.done);
}
orders.close();
