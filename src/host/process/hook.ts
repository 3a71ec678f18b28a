import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Launch } from '../launcher/launch.ts';
import { openPipe } from '../sys/pipe.ts';
import type { HookOptions, RunningErrand } from './errand.ts';

/** So much of what a hook says is told when it fails. */
const OUTPUT_BYTES_MAX = 200;
/** So long after its end its last words are waited for: what it left in the background may hold its output open. */
const LAST_WORDS_MS = 200;

/**
 * Runs an operator's command to its end, as the supervisor's own user; after `timeoutMs` it is ended with all that it
 * forked. What it leaves in the background goes on, and is not waited for.
 * @param begin starts it
 * @throws Error with how it ended and what it said, unless it exited 0
 */
export async function endOfHook(
  argv: readonly string[],
  { cwd, env, timeoutMs }: HookOptions,
  begin: (launch: Launch) => RunningErrand,
): Promise<void> {
  const output = openPipe();
  let errand: RunningErrand;
  try {
    errand = begin({
      path: argv[0]!,
      argv,
      env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      cwd,
      output: { fd: output.write },
    });
  } catch (error) {
    closeSync(output.read);
    throw error;
  } finally {
    closeSync(output.write);
  }
  const words = new LastWords(output.read);
  const end = await errand.end(timeoutMs).finally(() => words.close());
  if (end?.code === 0) return;
  const how = describe(end, timeoutMs);
  const said = await words.text;
  throw new Error(said ? `${how}: ${said}` : how);
}

function describe(end: Awaited<ReturnType<RunningErrand['end']>>, timeoutMs: number): string {
  if (end === null) return `killed after ${timeoutMs / 1000} s`;
  return end.signal === null ? `exited ${end.code}` : `killed by ${end.signal}`;
}

/** The last that comes through a pipe; what comes before is read and forgotten, so that no writer ever waits. */
class LastWords {
  /** What it was, once the pipe has ended or was closed. */
  readonly text: Promise<string>;
  readonly #stream: Socket;
  #last = Buffer.alloc(0);

  constructor(fd: number) {
    this.#stream = new Socket({ fd, readable: true, writable: false });
    this.#stream.on('data', (chunk: Buffer) => {
      this.#last = Buffer.concat([this.#last, chunk]).subarray(-OUTPUT_BYTES_MAX);
    });
    this.#stream.on('error', () => {});
    this.text = new Promise((resolve) => {
      this.#stream.on('close', () => resolve(this.#last.toString('utf8').trim()));
    });
  }

  close(): void {
    setTimeout(() => this.#stream.destroy(), LAST_WORDS_MS);
  }
}
