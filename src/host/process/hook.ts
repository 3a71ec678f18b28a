import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { withOutput } from '../../fleet/quoted.ts';
import type { Launch } from '../launcher/launch.ts';
import { openPipe } from '../sys/pipe.ts';
import type { HookOptions, RunningErrand } from './errand.ts';

/** The number of bytes of a hook's output that are reported if it fails. */
const OUTPUT_BYTES_MAX = 200;
/** The time after its end for its last output: what it left in the background may hold its output open. */
const LAST_WORDS_MS = 200;

/**
 * Runs an operator's command to its end, as the supervisor's own user; after `timeoutMs` it is ended with everything that
 * it forked. What it leaves in the background continues, and is not waited for.
 * @param begin starts it
 * @throws Error with how it ended and its output, unless it exited 0
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
  throw new Error(withOutput(how, (await words.text) || null));
}

function describe(end: Awaited<ReturnType<RunningErrand['end']>>, timeoutMs: number): string {
  if (end === null) return `killed after ${timeoutMs / 1000} s`;
  return end.signal === null ? `exited ${end.code}` : `killed by ${end.signal}`;
}

/** The end of what comes through a pipe; the rest is read and dropped, so that no writer ever waits. */
class LastWords {
  /** The text, once the pipe has ended or was closed. */
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
