import { constants } from 'node:os';
import koffi from 'koffi';

/**
 * The C library, where Node does not reach it: raw calls without decisions. Structures are plain Buffers laid out by
 * hand, because a koffi struct costs more than the call that it is for.
 */
const lib = koffi.load('libc.so.6');

/** Opaque glibc structures: posix_spawn_file_actions_t is 80 bytes, posix_spawnattr_t 336, sigset_t 128 (x86-64, arm64). */
export const SIZE = { fileActions: 80, spawnAttributes: 336, signalSet: 128, signalInfo: 128 } as const;

export const libc = {
  posix_spawn: lib.func(
    'int posix_spawn(void *pid, const char *path, void *actions, void *attributes, const char **argv, const char **envp)',
  ),
  actionsInit: lib.func('int posix_spawn_file_actions_init(void *actions)'),
  actionsDestroy: lib.func('int posix_spawn_file_actions_destroy(void *actions)'),
  actionsOpen: lib.func(
    'int posix_spawn_file_actions_addopen(void *actions, int fd, const char *path, int flags, uint mode)',
  ),
  actionsDup2: lib.func('int posix_spawn_file_actions_adddup2(void *actions, int fd, int newFd)'),
  actionsChdir: lib.func('int posix_spawn_file_actions_addchdir_np(void *actions, const char *path)'),
  actionsCloseFrom: lib.func('int posix_spawn_file_actions_addclosefrom_np(void *actions, int from)'),
  attributesInit: lib.func('int posix_spawnattr_init(void *attributes)'),
  attributesFlags: lib.func('int posix_spawnattr_setflags(void *attributes, short flags)'),
  attributesMask: lib.func('int posix_spawnattr_setsigmask(void *attributes, void *set)'),
  attributesDefault: lib.func('int posix_spawnattr_setsigdefault(void *attributes, void *set)'),
  memfdCreate: lib.func('int memfd_create(const char *name, uint flags)'),
  fcntl: lib.func('int fcntl(int fd, int command, int argument)'),
  pipe2: lib.func('int pipe2(void *fds, int flags)'),
  getgrouplist: lib.func('int getgrouplist(const char *user, uint group, void *groups, void *count)'),
  waitid: lib.func('int waitid(int idType, uint id, void *info, int options)'),
  epollCreate: lib.func('int epoll_create1(int flags)'),
  epollControl: lib.func('int epoll_ctl(int epoll, int operation, int fd, void *event)'),
  epollWait: lib.func('int epoll_wait(int epoll, void *events, int max, int timeout)'),
  eventfd: lib.func('int eventfd(uint initial, int flags)'),
  close: lib.func('int close(int fd)'),
  write: lib.func('long write(int fd, void *data, ulong length)'),
  lseek: lib.func('long lseek(int fd, long offset, int whence)'),
  linkat: lib.func(
    'int linkat(int fromDirectory, const char *from, int toDirectory, const char *to, int flags)',
  ),
  flock: lib.func('int flock(int fd, int operation)'),
  getrlimit: lib.func('int getrlimit(int resource, void *limit)'),
  socket: lib.func('int socket(int domain, int type, int protocol)'),
  socketpair: lib.func('int socketpair(int domain, int type, int protocol, void *fds)'),
  bind: lib.func('int bind(int fd, void *address, uint length)'),
  connect: lib.func('int connect(int fd, void *address, uint length)'),
  getsockopt: lib.func('int getsockopt(int fd, int level, int name, void *value, void *length)'),
  setsockopt: lib.func('int setsockopt(int fd, int level, int name, void *value, uint length)'),
  sendmsg: lib.func('long sendmsg(int fd, void *message, int flags)'),
  recvmsg: lib.func('long recvmsg(int fd, void *message, int flags)'),
  clockGettime: lib.func('int clock_gettime(int clock, void *time)'),
  getpagesize: lib.func('int getpagesize()'),
  madvise: lib.func('int madvise(uint64 address, ulong length, int advice)'),
  getgrnam: lib.func('void *getgrnam(const char *name)'),
  getpwnam: lib.func('void *getpwnam(const char *name)'),
  getpwuid: lib.func('void *getpwuid(uint uid)'),
  prctl: lib.func('int prctl(int option, void *result)'),
  dlsym: lib.func('void *dlsym(ulong library, const char *name)'),
  sigaction: lib.func('int sigaction(int signal, void *action, void *old)'),
  timerCreate: lib.func('int timer_create(int clock, void *event, void *timer)'),
  timerSet: lib.func('int timer_settime(void *timer, int flags, void *value, void *old)'),
  exit: lib.func('void _exit(int status)'),
  /** For calls that glibc wraps only from 2.36 on (pidfd_open, pidfd_send_signal). */
  syscall: lib.func('long syscall(long number, long a, long b, void *c, long d)'),
} as const;

const NAMES = new Map(
  Object.entries(constants.errno)
    .map(([name, number]) => [number as number, name] as const)
    // EAGAIN is EWOULDBLOCK as well: the first name in the alphabet is set last, and stays.
    .sort(([, a], [, b]) => (a < b ? 1 : -1)),
);

/** A failed system call: `code` is the errno's name (EAGAIN), `syscall` the call. */
export class SystemCallError extends Error {
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;

  constructor(syscall: string, errno: number) {
    const code = NAMES.get(errno) ?? `errno ${errno}`;
    super(`${syscall}: ${code}`);
    this.name = 'SystemCallError';
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
  }

  /** The error of a call by the name of its errno, as lastError() gives it. */
  static named(syscall: string, code: string): SystemCallError {
    return new SystemCallError(syscall, constants.errno[code as keyof typeof constants.errno]);
  }
}

/** Returns a call's result, or throws its errno if it is negative. */
export function check(syscall: string, result: number): number {
  if (result < 0) throw new SystemCallError(syscall, koffi.errno());
  return result;
}

/** The name of the last call's errno; must be read before the next call. */
export function lastError(): string {
  const errno = koffi.errno();
  return NAMES.get(errno) ?? `errno ${errno}`;
}

/** The address of a function of the C library, for the kernel to call. */
export function addressOf(name: string): bigint {
  return koffi.address(libc.dlsym(0, name));
}

/** Reads a structure of the C library from a pointer. */
export const decode: typeof koffi.decode = koffi.decode;

/** Calls a bound function on a thread of libuv's pool. */
export function callAsync(
  fn: { async: (...parameters: unknown[]) => void },
  ...parameters: unknown[]
): Promise<number> {
  return new Promise((resolve, reject) => {
    fn.async(...parameters, (error: unknown, result: number) => (error ? reject(error) : resolve(result)));
  });
}
