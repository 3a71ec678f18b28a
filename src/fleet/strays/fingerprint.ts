/** What distinguishes the processes of a fleet from others on the host, for each program of its agents. */
export interface Fingerprint {
  /** The executables that count as the program, each as `device:inode`. */
  files: ReadonlySet<string>;
  /** Their paths: all that identifies a process whose executable was replaced or removed since its start. */
  paths: ReadonlySet<string>;
  program: AgentProgram;
}

/** What a process must show besides the right executable. */
export type AgentProgram =
  /** Nothing: the file is this one program. */
  | { kind: 'binary' }
  /** The file is a script: what runs is its interpreter, with the script as the first operand. */
  | { kind: 'script'; interpreter: string }
  /**
   * The file is many programs (an interpreter, busybox) or commonly used (sleep): its words identify it, and its name
   * if it is called by another one. Daemons that overwrite their words (redis, nginx) are identified by the titles of
   * running agents.
   */
  | { kind: 'shared'; called: string | null; words: readonly CommandWord[]; titles: ReadonlySet<string> };

/** A word of the command: its text, and the file that it names, if any; null stands for any one word. */
export type CommandWord = { text: string; file: string | null } | null;

/** The executable of a process. */
export interface Executable {
  /** `device:inode`. */
  file: string;
  path: string;
  /** Its path now holds nothing, or another file. */
  isReplaced: boolean;
}

/** A process to judge; `files` holds the file that each word of argv names, seen from the process's directory. */
export interface Suspect {
  executable: Executable;
  argv: readonly string[];
  files: readonly (string | null)[];
}

/** Programs that run what their words name; versions (python3.11) are omitted. */
const SHARED = new Set(
  (
    'sh bash dash ash ksh mksh zsh fish csh tcsh python pypy perl ruby node nodejs deno bun php lua luajit tclsh ' +
    'wish java mono dotnet Rscript guile racket erl beam.smp escript julia awk mawk gawk busybox toybox coreutils ' +
    'env setpriv su sudo doas nohup nice ionice taskset timeout stdbuf setsid unshare nsenter chroot xargs ' +
    'tini dumb-init gosu runuser socat ncat nc'
  ).split(' '),
);

/** What a distribution installs is in common use: not every `sleep` is ours because our agents sleep too. */
const DISTRIBUTION = /^(\/usr)?\/(bin|sbin|lib|lib64|libexec|games)\//;

/**
 * Decides what a process must show to count as the program of a command.
 * @param command argv of the command; null for each word with a placeholder
 * @param called the name that the executable is called by
 * @param real the path of the file itself, links followed
 * @param interpreter the interpreter in the first line of the file; null for a binary
 */
export function agentProgram(
  command: readonly CommandWord[],
  { called, real, interpreter }: { called: string; real: string; interpreter: string | null },
): AgentProgram {
  if (interpreter !== null) return { kind: 'script', interpreter };
  // A binary called by a name other than its own depends on that name (busybox as httpd, git-upload-pack).
  const isRenamed = !baseName(real).startsWith(stem(called));
  const isShared = SHARED.has(stem(baseName(real))) || DISTRIBUTION.test(real);
  if (!isRenamed && !isShared) return { kind: 'binary' };
  return { kind: 'shared', called: isRenamed ? called : null, words: command.slice(1), titles: new Set() };
}

/**
 * Learns from running agents what the command does not show: the titles that they give themselves, and the executable
 * that a wrapper (a shim, `env`) is replaced by. Agents are not trusted: a title counts only with an executable of the
 * command, and another executable only with words that name the command's own files.
 * @param words the words of the command, after its name
 */
export function learnFingerprints(
  fingerprint: Fingerprint,
  words: readonly CommandWord[],
  agents: readonly Suspect[],
): Fingerprint[] {
  const { files, paths, program } = fingerprint;
  const [own, others] = [agents.filter(isOwn), agents.filter((agent) => !isOwn(agent))];
  function isOwn({ executable }: Suspect): boolean {
    return isOneOf(files, paths, executable);
  }
  const titles = own
    .filter((agent) => program.kind === 'shared' && !hasCommandWords(program, agent))
    .map(({ argv }) => titleOf(argv));
  const titled = program.kind === 'shared' ? { ...program, titles: new Set(titles) } : program;
  const isTelling = words.some((word) => word !== null && word.file !== null);
  const behind = isTelling ? others.map(({ executable }) => executable.file) : [];
  const wrapped: AgentProgram = { kind: 'shared', called: null, words, titles: new Set() };
  return [
    { files, paths, program: titled },
    ...(behind.length > 0 ? [{ files: new Set(behind), paths: new Set<string>(), program: wrapped }] : []),
  ];
}

/** Whether an executable can be the program at all, before anything costlier is read of its process. */
export function mayMatchFingerprint({ files, paths, program }: Fingerprint, executable: Executable): boolean {
  if (program.kind !== 'script') return isOneOf(files, paths, executable);
  const name = stem(baseName(executable.path));
  return SHARED.has(name) || name === stem(program.interpreter);
}

/** Whether a process may have been started by the fleet. */
export function matchesFingerprint(fingerprint: Fingerprint, suspect: Suspect): boolean {
  const { files, paths, program } = fingerprint;
  if (!mayMatchFingerprint(fingerprint, suspect.executable)) return false;
  switch (program.kind) {
    case 'binary':
      return true;
    case 'script':
      return runsScript(suspect, files, paths);
    case 'shared':
      return hasCommandWords(program, suspect) || program.titles.has(titleOf(suspect.argv));
  }
}

function isOneOf(files: ReadonlySet<string>, paths: ReadonlySet<string>, executable: Executable): boolean {
  return files.has(executable.file) || (executable.isReplaced && paths.has(executable.path));
}

/** An editor has the script among its words too: only an interpreter with it as its first operand runs it. */
function runsScript(
  { argv, files }: Suspect,
  scripts: ReadonlySet<string>,
  paths: ReadonlySet<string>,
): boolean {
  const operand = argv.findIndex((word, i) => i > 0 && !word.startsWith('-'));
  if (operand < 0) return false;
  const file = files[operand] ?? null;
  return file === null ? paths.has(argv[operand]!) : scripts.has(file);
}

/**
 * Whether the name and the words of a command occur in their order, possibly with others in between. If no word is
 * certain, nothing distinguishes the program from others, so no process matches.
 */
function hasCommandWords(
  { called, words }: AgentProgram & { kind: 'shared' },
  { argv, files }: Suspect,
): boolean {
  if (called === null && words.every((word) => word === null)) return false;
  // `busybox httpd` and `httpd` are the same program.
  const name = argv.findIndex((word) => baseName(word) === called);
  if (called !== null && name < 0) return false;
  let at = called === null ? 1 : name + 1;
  for (const word of words) {
    while (at < argv.length && !isWord(word, argv[at]!, files[at] ?? null)) at++;
    if (at++ >= argv.length) return false;
  }
  return true;
}

/** The title that a daemon has written over its words, with its numbers masked: `redis-server *:6379`. */
function titleOf(argv: readonly string[]): string {
  return argv.join(' ').trim().replace(/\d+/g, '#');
}

function isWord(word: CommandWord, text: string, file: string | null): boolean {
  return word === null || word.text === text || (word.file !== null && word.file === file);
}

/** A program's name without its version: python of python3.11. */
function stem(name: string): string {
  return name.replace(/(?<=.)[-\d.]+$/, '');
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
