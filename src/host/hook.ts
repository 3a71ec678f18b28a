/** Where and how long a hook runs. */
export interface HookOptions {
  cwd: string;
  /** The whole environment. */
  env: Record<string, string>;
  timeoutMs: number;
}

/** So much of what a hook says is told when it fails. */
const OUTPUT_CHARACTERS_MAX = 200;
/** So long after its end its last words are waited for: what it left in the background may hold its output open. */
const LAST_WORDS_MS = 200;

/**
 * Runs an operator's command to its end, as the supervisor's own user; after `timeoutMs` it is killed with all of its
 * process group. What it leaves in the background goes on, and is not waited for.
 * @param onStart gets its pid, as soon as there is one
 * @throws Error with how it ended and what it said, unless it exited 0
 */
export async function runHook(
  argv: readonly string[],
  { cwd, env, timeoutMs }: HookOptions,
  onStart: (pid: number) => void,
): Promise<void> {
  // Loaded when first needed: most supervisors never run a hook.
  const { execa } = await import('execa');
  const child = execa(argv[0]!, argv.slice(1), {
    cwd,
    env,
    extendEnv: false,
    stdin: 'ignore',
    all: true,
    detached: true,
    reject: false,
    maxBuffer: 1024 * 1024,
  });
  if (child.pid !== undefined) onStart(child.pid);
  child.once('exit', () => {
    setTimeout(() => {
      child.stdout.destroy();
      child.stderr.destroy();
    }, LAST_WORDS_MS);
  });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    // It leads its group, and until it is reaped nobody else can have that number.
    const runs = child.exitCode === null && child.signalCode === null;
    if (child.pid !== undefined && runs) process.kill(-child.pid, 'SIGKILL');
  }, timeoutMs);
  const result = await child;
  clearTimeout(timer);
  if (timedOut) throw new Error(`killed after ${timeoutMs / 1000} s`);
  if (result.exitCode === 0) return;
  const said = (result.all ?? '').trim().slice(-OUTPUT_CHARACTERS_MAX);
  const how = result.exitCode === undefined ? (result.shortMessage ?? 'failed') : `exited ${result.exitCode}`;
  throw new Error(said ? `${how}: ${said}` : how);
}
