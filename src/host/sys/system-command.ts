/** Where the system's own programs are, whatever PATH this process was started with. */
const SYSTEM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
const OUTPUT_BYTES_MAX = 1024 * 1024;
const WORDS_MAX = 500;

/** The whole environment of a program that runs on our own behalf: nothing inherited decides what root runs, or how. */
export const SYSTEM_ENV: Readonly<Record<string, string>> = { PATH: SYSTEM_PATH, LANG: 'C.UTF-8', HOME: '/' };

/**
 * Runs one of the system's own programs to its end, beside the loop, without input.
 * @param file its absolute path, or a name that is looked up where the system has its own
 * @param options.env what it needs beside the usual
 * @param options.timeoutMs after which it is killed; without, it may take as long as it does
 * @returns whether it ended with 0, and what it printed (stderr, where it failed)
 */
export async function tryCommand(
  file: string,
  args: readonly string[],
  { env = {}, timeoutMs }: { env?: Record<string, string>; timeoutMs?: number } = {},
): Promise<{ ok: boolean; text: string }> {
  // Only where it is needed: it costs the start of every command.
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

/** The same where only success will do. @throws Error with what it said */
export async function runCommand(file: string, args: readonly string[]): Promise<void> {
  const { ok, text } = await tryCommand(file, args);
  if (!ok) throw new Error(`${file}: ${text.slice(0, WORDS_MAX)}`);
}
