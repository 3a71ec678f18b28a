/** The directories of the system's own programs, whatever PATH this process was started with. */
export const SYSTEM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
const OUTPUT_BYTES_MAX = 1024 * 1024;
const WORDS_MAX = 500;

/** The complete environment of a program that runs on our own behalf, so that nothing inherited affects what root runs. */
export const SYSTEM_ENV: Readonly<Record<string, string>> = { PATH: SYSTEM_PATH, LANG: 'C.UTF-8', HOME: '/' };

/**
 * Runs one of the system's own programs to its end, next to the loop, without input.
 * @param file its absolute path, or a name to find in the system's directories
 * @param options.env additional variables
 * @param options.timeoutMs the time after which it is killed; absent: no limit
 * @returns whether it exited 0, and its output (stderr if it failed)
 */
export async function tryCommand(
  file: string,
  args: readonly string[],
  { env = {}, timeoutMs }: { env?: Record<string, string>; timeoutMs?: number } = {},
): Promise<{ ok: boolean; text: string }> {
  // Loaded only here, because it slows down the start of every command.
  const { execa } = await import('execa');
  const ended = await execa(file, args, {
    reject: false,
    stdin: 'ignore',
    env: { ...SYSTEM_ENV, ...env },
    extendEnv: false,
    cwd: '/',
    maxBuffer: OUTPUT_BYTES_MAX,
    ...(timeoutMs !== undefined && { timeout: timeoutMs, forceKillAfterDelay: 1_000 }),
  });
  const text = ended.failed ? ended.stderr || ended.shortMessage : ended.stdout;
  return { ok: !ended.failed, text: (text ?? '').trim() };
}

/** The same, but failure is an error. @throws Error with its output */
export async function runCommand(file: string, args: readonly string[]): Promise<void> {
  const { ok, text } = await tryCommand(file, args);
  if (!ok) throw new Error(`${file}: ${text.slice(0, WORDS_MAX)}`);
}
