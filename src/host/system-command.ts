/** Where the system's own programs are, whatever PATH the supervisor was started with. */
const SYSTEM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
const WORDS_MAX = 500;

/** The whole environment of a program that runs on the supervisor's own behalf: nothing that it was started with. */
export const SYSTEM_ENV: Readonly<Record<string, string>> = { PATH: SYSTEM_PATH, LANG: 'C.UTF-8', HOME: '/' };

/**
 * Runs one of the system's own programs to its end, beside the loop, without input.
 * @param file its absolute path: nothing that is inherited decides which program root runs
 * @throws Error with what it said, unless it exited 0
 */
export async function runSystemCommand(file: string, args: readonly string[]): Promise<void> {
  // Loaded when first needed: most supervisors run none.
  const { execa } = await import('execa');
  const ended = await execa(file, args, {
    reject: false,
    stdin: 'ignore',
    stdout: 'ignore',
    env: SYSTEM_ENV,
    extendEnv: false,
    cwd: '/',
    maxBuffer: 64 * 1024,
  });
  if (!ended.failed) return;
  throw new Error(`${file}: ${(ended.stderr || ended.shortMessage || 'failed').slice(0, WORDS_MAX)}`);
}
