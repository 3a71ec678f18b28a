import { spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { FleetError } from '../../errors/fleet-error.ts';
import type { Strange } from '../../import/pm2/document.ts';
import { EVALUATOR } from './evaluator.ts';

const TIMEOUT_MS = 5_000;
const OUTPUT_BYTES_MAX = 1024 * 1024;
/** The user and group `nobody` of every Linux: what the kernel shows for ids that it cannot map (fs.overflowuid). */
const NOBODY = 65_534;
const HEAP_MEBIBYTES = 256;
const FAILED = 'Write what it computes as JSON, ecosystem.json, and import that.';

/** What a script exports, as data. */
export interface Evaluated {
  value: unknown;
  strange: Strange[];
}

/**
 * Evaluates an ecosystem file in JavaScript. It is a program, so it runs in a child that can do little: as nobody where
 * root imports, without the environment, with leave to read the file's directory alone (Node's permission model), without
 * children and workers, for 5 s. Its text comes from the importing user, so that nobody need not be able to read it.
 * @param path the absolute path of the file @param text its content
 * @throws FleetError IMPORT_INVALID
 */
export async function evaluate(path: string, text: string): Promise<Evaluated> {
  const { output, end } = await runChild(path, text);
  const answer = parsed(output);
  if (answer === null || 'error' in answer) {
    throw new FleetError('IMPORT_INVALID', `${path}: ${answer === null ? end : answer.error}`, {
      hint: hintFor(answer?.error),
    });
  }
  return answer;
}

function hintFor(error: string | undefined): string {
  const isUnreadable = /ERR_ACCESS_DENIED|EACCES|Cannot find module/.test(error ?? '');
  if (!isUnreadable) return FAILED;
  const who = process.getuid!() === 0 ? 'as nobody, and may read' : 'with leave to read';
  return `The file is evaluated ${who} only its own directory, which must hold what it loads. ${FAILED}`;
}

async function runChild(path: string, text: string): Promise<{ output: string; end: string }> {
  const rights = [
    '--permission',
    `--allow-fs-read=${dirname(path)}/*`,
    `--max-old-space-size=${HEAP_MEBIBYTES}`,
  ];
  const child = spawn(process.execPath, [...rights, '--no-warnings', '-e', EVALUATOR, path], {
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
    // With a uid, Node's child gives up all supplementary groups too (libuv calls setgroups).
    ...(process.getuid!() === 0 && { uid: NOBODY, gid: NOBODY }),
    stdio: ['pipe', 'ignore', 'ignore', 'pipe'],
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  let end = '';
  const stop = (why: string): void => {
    end = why;
    child.kill('SIGKILL');
  };
  const timer = setTimeout(() => stop('its evaluation takes longer than 5 s'), TIMEOUT_MS);
  child.stdio[3]!.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > OUTPUT_BYTES_MAX) stop('it exports more than 1 MiB');
    else chunks.push(chunk);
  });
  // A child that ends before it has read its input.
  child.stdin!.on('error', () => {});
  child.stdin!.end(text);
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject).once('close', resolve);
  try {
    const code = await promise;
    const output = end === '' ? Buffer.concat(chunks).toString('utf8') : '';
    return { output, end: end || `its evaluation ended without a result, with exit code ${code ?? 'none'}` };
  } catch (cause) {
    throw new FleetError('IMPORT_INVALID', `cannot evaluate ${path}: ${(cause as Error).message}`, {
      hint: FAILED,
      cause,
    });
  } finally {
    clearTimeout(timer);
  }
}

/** The child's answer; null if it is none. The child is not trusted to keep to the form. */
function parsed(output: string): Evaluated | { error: string } | null {
  try {
    const { error, value, strange } = JSON.parse(output) as {
      error?: unknown;
      value?: unknown;
      strange?: unknown;
    };
    if (error !== undefined) return { error: String(error) };
    const found = Array.isArray(strange) ? strange : [];
    return { value, strange: found.map(({ path, what }) => ({ path: String(path), what: String(what) })) };
  } catch {
    return null;
  }
}
