import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until, type World } from '../e2e/harness.ts';
import { type Call, readTrace, STRACE_OPTIONS } from './trace.ts';

const pathTo = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const FLEETD = pathTo('../../bin/fleetd');
/** How the API says that it has accepted something. */
const ACCEPTED = 'HTTP/1.1 2';

/** A supervisor of which every system call on files is written down. */
export class RecordedSupervisor {
  readonly #trace: string;
  readonly #ended: Promise<unknown>;

  private constructor(world: World, trace: string) {
    this.#trace = trace;
    this.#ended = strace(trace, [FLEETD], world.env);
  }

  /** Starts it in a world, and waits until it answers. */
  static async start(world: World, name: string): Promise<RecordedSupervisor> {
    const supervisor = new RecordedSupervisor(world, join(world.root, `${name}.trace`));
    // Where none answers it ends with 3.
    await until(() => world.isServed());
    return supervisor;
  }

  /** What it called; it and all that it started must have ended, for strace waits for them. */
  async calls(): Promise<Call[]> {
    await this.#ended;
    return readTrace(this.#trace, ACCEPTED);
  }
}

/** Runs a script of this directory to its end, recorded; what it writes to stdout begins with `acknowledges`. */
export async function recordScript(
  script: string,
  args: readonly string[],
  trace: string,
  acknowledges: string,
): Promise<Call[]> {
  await strace(trace, [pathTo('../../bin/with-node'), pathTo(`./${script}`), ...args], process.env);
  return readTrace(trace, acknowledges);
}

function strace(trace: string, command: readonly string[], env: NodeJS.ProcessEnv): Promise<unknown> {
  const options = ['-f', '-o', trace, ...STRACE_OPTIONS];
  return once(spawn('strace', [...options, ...command], { env, stdio: 'ignore' }), 'exit');
}
