import { constants } from 'node:fs';
import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { ProcessId } from '../../fleet/agent.ts';
import type { Launch } from '../launcher/launch.ts';
import { openDescriptors } from '../proc/descriptors.ts';
import { readStat } from '../proc/stat.ts';
import { currentTicks } from '../sys/clock.ts';
import { check, libc, SystemCallError } from '../sys/libc.ts';
import { closeFd, copyFd, openPidfd, orKill } from '../sys/pidfd.ts';
import { spawnProcess } from './spawn.ts';
import { COUNTER, END, type SpawnerMemory, type SpawnFailure, type SpawnOrder } from './spawner.ts';

const CLONE_FILES = 0x400;
const F_GETFL = 3;
/** Besides pipes, the descriptors that every loop has. */
const OF_LOOPS = /^anon_inode:\[(?:eventpoll|eventfd|io_uring)\]/;

const { counters, orders, reportFd, pipes } = workerData as SpawnerMemory;

/** Leaves the main thread's table of descriptors (unshare(2)) and closes its copies. */
function leaveDescriptors(): void {
  check('unshare', libc.unshare(CLONE_FILES));
  for (const { fd, link } of openDescriptors())
    if (fd > 2 && fd !== reportFd && !isOfLoops(fd, link)) closeFd(fd);
}

/**
 * Whether a descriptor belongs to this thread's loop or to what all loops share. Of the pipes that were opened since the
 * main thread ordered this one, those of a loop do not block (uv__signal_loop_once_init in libuv), and one that does is
 * of a child that Node is forking at this moment: the main thread waits for its last write end to close (uv_spawn), so
 * that a copy kept here would stop it for ever.
 */
function isOfLoops(fd: number, link: string): boolean {
  if (!link.startsWith('pipe:')) return OF_LOOPS.test(link);
  return pipes.includes(link) || (libc.fcntl(fd, F_GETFL, 0) & constants.O_NONBLOCK) !== 0;
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
