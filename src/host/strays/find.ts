import { existsSync, realpathSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Executable, Suspect } from '../../fleet/strays/fingerprint.ts';
import { readCgroups } from '../proc/cgroup.ts';
import { executableId, pathSeenBy, readEnvironment, readLink, readWords } from '../proc/pid.ts';
import { readHead } from '../sys/bounded.ts';
import { fileId } from '../sys/file-id.ts';

/** What readlink of /proc/PID/exe adds where the file is gone from its path (proc_pid_exe(5)). */
const DELETED = ' (deleted)';
/** A process may carry megabytes of words; a program shows in the first of them. */
const WORDS_MAX = 256;
/** So much is read of what a process has written over its words, and of its environment. */
const BYTES_MAX = { cmdline: 128 * 1024, environ: 1024 * 1024 } as const;
/** The kernel reads no more of a script's first line (BINPRM_BUF_SIZE, linux/binfmts.h). */
const SHEBANG_BYTES_MAX = 256;

/** A file that can be executed. */
export interface FoundProgram {
  /** Which file it is, as `device:inode`. */
  file: string;
  /** Its own name, links followed. */
  real: string;
  /** What its first line asks to be run by; null for a binary. */
  interpreter: string | null;
}

/** Tells what program a path leads to; null where none. What is at the path can be anybody's: asked of a reader. */
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
  // `env` only looks the interpreter up; its own options and assignments come before that one's name.
  const name =
    basename(first) === 'env' ? others.find((word) => !word.startsWith('-') && !word.includes('=')) : first;
  return basename(name ?? first);
}

/** What a process executes; null where it is gone, closed to us, a kernel thread or a zombie. */
export function readExecutable(pid: number): Executable | null {
  const file = executableId(pid);
  const link = file && readLink(pid, 'exe');
  if (!file || !link) return null;
  const isDeleted = link.endsWith(DELETED);
  // A path tells something only where it leads to the same place for us as for the process.
  const isReplaced = isDeleted && readLink(pid, 'ns/mnt') === readLink(process.pid, 'ns/mnt');
  return { file, path: isDeleted ? link.slice(0, -DELETED.length) : link, isReplaced };
}

/** What a process is judged by, and whether some supervisor runs it. */
export interface Suspected extends Suspect {
  isSupervised: boolean;
}

/**
 * All that a process is judged by; null where it is gone, or in a container, which keeps its processes itself. To be
 * asked of a reader only: words and environment are pages of the process's own memory, and a page that it has mapped
 * from a file system of its own making (FUSE) comes when that pleases; so does an answer about a file that it names.
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

/** The words of a process (proc_pid_cmdline(5)); empty where it is gone or has none. */
function readArgv(pid: number): string[] {
  const text = readWords(pid, BYTES_MAX.cmdline)?.toString('utf8') ?? '';
  return text === '' ? [] : text.replace(/\0$/, '').split('\0', WORDS_MAX);
}

/** Whether a process lives in the cgroup tree of any supervisor, ours or another. */
const TREE = /^\d+:[^:]*:.*\/fleetd-[0-9a-f]{12}(\/|$)/m;
const LOG = /^(.*)\/logs\/[a-z][a-z0-9-]*\/\d+\.log$/;
const DIRECTORY = /^(.*)\/fleets\/[a-z][a-z0-9-]*\/\d+$/;

/**
 * Whether a process is what some supervisor on this host runs: by its cgroup, or (where that supervisor has no tree) by
 * the log, the directory or the environment that it was started with, as long as that supervisor's state is there. To
 * be asked of a reader only, as it reads the environment.
 * @param ownStateDir a supervisor that knows its own agents better: who stands in a directory of its own may have been
 *   started by hand
 */
export function isSupervised(pid: number, ownStateDir: string | null): boolean {
  if (isMarked(pid, ownStateDir)) return true;
  const environment = readEnvironment(pid, BYTES_MAX.environ);
  const home = environment.find((entry) => entry.startsWith('FLEET_DIR='))?.slice('FLEET_DIR='.length);
  return isOthers(pid, DIRECTORY.exec(home ?? ''), ownStateDir);
}

/** The same by what the kernel keeps of a process, which never waits for it: its cgroup, its log, its directory. */
export function isMarked(pid: number, ownStateDir: string | null): boolean {
  const cgroups = readCgroups(pid);
  if (cgroups === null || TREE.test(cgroups)) return true;
  const places = [LOG.exec(readLink(pid, 'fd/1') ?? ''), DIRECTORY.exec(readLink(pid, 'cwd') ?? '')];
  return places.some((found) => isOthers(pid, found, ownStateDir));
}

/** As the process sees it: a unit with a /tmp of its own has its state there. */
function isOthers(pid: number, found: RegExpExecArray | null, ownStateDir: string | null): boolean {
  return found !== null && found[1] !== ownStateDir && existsSync(pathSeenBy(pid, `${found[1]}/fleetd.lock`));
}
