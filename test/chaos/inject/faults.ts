import type { Arena } from '../arena.ts';
import type { Injection } from './strace.ts';

const MICROSECONDS = 1_000_000;

/** What is done to the disk of a supervisor, by the name that the table has it under. */
export interface DiskFault {
  name: string;
  /** Null: its file system is filled instead. */
  injection: ((arena: Arena) => Injection) | null;
}

const SYNCS = ['fsync', 'fdatasync'];
const WRITES = ['write', 'pwrite64', 'writev'];
const NAMES = ['rename', 'renameat', 'unlink', 'unlinkat', 'mkdir', 'mkdirat', 'ftruncate'];

/** Each call, each second or third one, or one alone. */
const chooseWhen = (arena: Arena) =>
  arena.choose(['when=1+', 'when=1+2', 'when=2+3', `when=${arena.number(1, 9)}`]);

const failing = (name: string, calls: readonly string[], errors: readonly string[]): DiskFault => ({
  name,
  injection: (arena) => ({ calls, path: null, action: `error=${arena.choose(errors)}:${chooseWhen(arena)}` }),
});

/** All calls on one file of the state directory fail. */
const failingOn = (name: string, files: readonly string[]): DiskFault => ({
  name,
  injection: (arena) => ({
    calls: [...SYNCS, ...WRITES, 'openat', 'ftruncate'],
    path: `${arena.world.stateDir}/${arena.choose(files)}`,
    action: `error=${arena.choose(['EIO', 'ENOSPC', 'EROFS'])}:${chooseWhen(arena)}`,
  }),
});

const slow = (name: string, calls: readonly string[]): DiskFault => ({
  name,
  injection: (arena) => ({
    calls,
    path: null,
    action: `delay_enter=${arena.number(1, 4) * MICROSECONDS}:when=${arena.number(1, 3)}+${arena.number(1, 3)}`,
  }),
});

/** Everything that is injected. */
export const DISK_FAULTS: readonly DiskFault[] = [
  { name: 'a file system filled to the last byte, the log too', injection: null },
  failingOn('the log cannot be written', ['fleetd.log']),
  failingOn('the wanted state cannot be written', ['fleetd.db-wal', 'fleetd.db', 'wanted.json.new']),
  failingOn('events or samples cannot be written', ['events.db-wal', 'samples.db-wal']),
  failing('fsync fails', SYNCS, ['EIO', 'ENOSPC']),
  failing('write fails, sockets and cgroups too', WRITES, ['EIO', 'ENOSPC']),
  failing('open fails, /proc too', ['openat'], ['EIO', 'ENOSPC', 'EROFS', 'EMFILE']),
  failing('rename, unlink, mkdir, ftruncate fail', NAMES, ['EIO', 'ENOSPC', 'EROFS']),
  slow('fsync takes seconds', SYNCS),
  slow('write takes seconds', ['pwrite64', 'write']),
];
