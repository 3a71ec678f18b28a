import { execFile, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { MARK, type Place } from './place.ts';

const OUTPUT_BYTES_MAX = 2 ** 28;

/** Where a program is in PATH; null where it is not. */
export async function findProgram(name: string): Promise<string | null> {
  for (const directory of `${process.env.PATH}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter)) {
    const path = join(directory, name);
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  return null;
}

/**
 * Runs a command to its end.
 * @param env what it gets beside this process's environment and the mark
 * @returns its output; stderr too, since some tell their version there
 * @throws where it fails or takes longer than a step of the place may: the message has the end of what it said
 */
export function run(
  place: Place,
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    execFile(
      command,
      args,
      {
        cwd: place.directory,
        env: { ...process.env, ...env, [MARK]: place.directory },
        timeout: place.timeoutMs,
        killSignal: 'SIGKILL',
        maxBuffer: OUTPUT_BYTES_MAX,
      },
      (error, stdout, stderr) => {
        if (!error) return resolve({ stdout, stderr });
        const why = error.killed
          ? `not within ${place.timeoutMs / 1_000} s`
          : lastWords(stderr || stdout || error.message);
        reject(new Error(`${[command, ...args].join(' ').slice(0, 60)}: ${why}`));
      },
    );
  });
}

/**
 * Starts a supervisor and goes on. It gets a session of its own, so that Ctrl-C does not reach it before the cleaning up.
 * Node has raised its soft limit of open files to the hard one, and what it starts inherits that.
 * @returns its pid
 */
export function launch(
  place: Place,
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: place.directory,
      env: { ...process.env, ...env, [MARK]: place.directory },
      detached: true,
      stdio: 'ignore',
    });
    child.once('error', reject);
    child.once('spawn', () => resolve(child.pid!));
    child.unref();
  });
}

function lastWords(text: string): string {
  return text.trim().split('\n').slice(-2).join(' ').slice(-200);
}
