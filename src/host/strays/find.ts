import { existsSync, realpathSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Executable, Suspect } from '../../fleet/strays/fingerprint.ts';
import { readCgroups } from '../proc/cgroup.ts';
import { executableId, pathSeenBy, readEnvironment, readLink, readWords } from '../proc/pid.ts';
import { readHead } from '../sys/bounded.ts';
import { fileId } from '../sys/file-id.ts';

/** The suffix of readlink of /proc/PID/exe if the file is gone from its path (proc_pid_exe(5)). */
const DELETED = ' (deleted)';
/** The maximum number of words: a process may have megabytes of them, but the first show its program. */
const WORDS_MAX = 256;
/** The maximum that is read of a process's words, which it may have overwritten, and of its environment. */
const BYTES_MAX = { cmdline: 128 * 1024, environ: 1024 * 1024 } as const;
/** The maximum of a script's first line that the kernel reads (BINPRM_BUF_SIZE, linux/binfmts.h). */
const SHEBANG_BYTES_MAX = 256;

/** A file that can be executed. */
export interface FoundProgram {
  /** Its identity, as `device:inode`. */
  file: string;
  /** Its own name, links followed. */
  real: string;
  /** The interpreter in its first line; null for a binary. */
  interpreter: string | null;
}

/** The program that a path leads to; null if there is none. Others may control the path: only for a reader. */
export function readProgram(path: string): FoundProgram | null {
  const file = fileId(path);
  if (file === null) return null;
  const real = realpathSync(path);
  return { file, real, interpreter: readInterpreter(real) };
}

function readInterpreter(path: string): string | null {
  const [, words] = /^#![ \t]*([^\n]*)/.exec(readHead(path, SHEBANG_BYTES_MAX).toString('latin1')) ?? [];
  if (words === undefined) return null;
  const [first = '', ...others] = words.trim().split(/[ \t]+/);
  // `env` only finds the interpreter; its own options and assignments precede that name.
  const name =
    basename(first) === 'env' ? others.find((word) => !word.startsWith('-') && !word.includes('=')) : first;
  return basename(name ?? first);
}

/** The executable of a process; null if it is gone, inaccessible, a kernel thread or a zombie. */
export function readExecutable(pid: number): Executable | null {
  const file = executableId(pid);
  const link = file && readLink(pid, 'exe');
  if (!file || !link) return null;
  const isDeleted = link.endsWith(DELETED);
  // A path is meaningful only if it leads to the same place for us as for the process.
  const isReplaced = isDeleted && readLink(pid, 'ns/mnt') === readLink(process.pid, 'ns/mnt');
  return { file, path: isDeleted ? link.slice(0, -DELETED.length) : link, isReplaced };
}

/** The data that a process is judged by, and whether a supervisor runs it. */
export interface Suspected extends Suspect {
  isSupervised: boolean;
}

/**
 * All data that a process is judged by; null if it is gone, or in a container, which manages its processes itself. Only
 * for a reader: words and environment are pages of the process's own memory, and a page that it has mapped from its own
 * file system (FUSE) arrives when the process permits; so does information about a file that it names.
 * @param ownStateDir as isSupervised() takes it
 */
export function readSuspect(
  pid: number,
  executable: Executable,
  ownStateDir: string | null,
): Suspected | null {
  const argv = readArgv(pid);
  const directory = readLink(pid, 'cwd');
  const isContained = readLink(pid, 'ns/pid') !== readLink(process.pid, 'ns/pid');
  if (argv.length === 0 || directory === null || isContained) return null;
  const files = argv.map((word) => fileId(resolve(directory, word)));
  return { executable, argv, files, isSupervised: isSupervised(pid, ownStateDir) };
}

/** The words of a process (proc_pid_cmdline(5)); empty if it is gone or has none. */
function readArgv(pid: number): string[] {
  const text = readWords(pid, BYTES_MAX.cmdline)?.toString('utf8') ?? '';
  return text === '' ? [] : text.replace(/\0$/, '').split('\0', WORDS_MAX);
}

/** Whether a process lives in the cgroup tree of any supervisor, ours or another. */
const TREE = /^\d+:[^:]*:.*\/fleetd-[0-9a-f]{12}(\/|$)/m;
const LOG = /^(.*)\/logs\/[a-z][a-z0-9-]*\/\d+\.log$/;
const DIRECTORY = /^(.*)\/fleets\/[a-z][a-z0-9-]*\/\d+$/;

/**
 * Whether a supervisor on this host runs a process: by its cgroup, or (if that supervisor has no tree) by the log, the
 * directory or the environment that it was started with, while that supervisor's state exists. Only for a reader, because
 * it reads the environment.
 * @param ownStateDir a supervisor that knows its own agents better: a process in one of its directories may have been
 *   started by hand
 */
export function isSupervised(pid: number, ownStateDir: string | null): boolean {
  if (isMarked(pid, ownStateDir)) return true;
  const environment = readEnvironment(pid, BYTES_MAX.environ);
  const home = environment.find((entry) => entry.startsWith('FLEET_DIR='))?.slice('FLEET_DIR='.length);
  return isOthers(pid, DIRECTORY.exec(home ?? ''), ownStateDir);
}

/** The same by what the kernel knows of a process, without waiting for it: its cgroup, its log, its directory. */
export function isMarked(pid: number, ownStateDir: string | null): boolean {
  const cgroups = readCgroups(pid);
  if (cgroups === null || TREE.test(cgroups)) return true;
  const places = [LOG.exec(readLink(pid, 'fd/1') ?? ''), DIRECTORY.exec(readLink(pid, 'cwd') ?? '')];
  return places.some((found) => isOthers(pid, found, ownStateDir));
}

/** As the process sees it: a unit with its own /tmp has its state there. */
function isOthers(pid: number, found: RegExpExecArray | null, ownStateDir: string | null): boolean {
  return found !== null && found[1] !== ownStateDir && existsSync(pathSeenBy(pid, `${found[1]}/fleetd.lock`));
}
