import { lstatSync } from 'node:fs';

/** A job of systemd takes its time on a busy host: a start of thousands of agents is behind it. */
const TIMEOUT_MS = 360_000;

/** Whether systemd is PID 1 here: sd_booted(3). */
export function isBooted(): boolean {
  return isDirectory('/run/systemd/system');
}

/** Whether a systemd manager of this user's own runs. */
export function hasUserManager(uid: number): boolean {
  return isDirectory(`/run/user/${uid}/systemd`);
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/**
 * Runs a command of the host to its end, without input.
 * @returns whether it ended with 0, and what it printed (stderr, where it failed)
 */
export async function tryCommand(
  file: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ ok: boolean; text: string }> {
  // Only where it is needed: it costs the start of every command.
  const { execa } = await import('execa');
  const ended = await execa(file, args, {
    reject: false,
    stdin: 'ignore',
    timeout: TIMEOUT_MS,
    env,
  });
  const text = ended.failed ? ended.stderr || ended.shortMessage : ended.stdout;
  return { ok: !ended.failed, text: (text ?? '').trim() };
}
