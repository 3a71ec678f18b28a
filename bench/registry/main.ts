import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { breakOff, type Outcome, play } from './play.ts';
import { scenesOf, WAYS } from './scenes.ts';
import { renderOutcomes } from './table.ts';

const HELP = `npm run bench:registry -- [OPTION…]: a fleet whose agents must all reach one registry

  --quick           smaller fleets: about 2 minutes instead of 8
  --rounds N        everything so many times, and the medians (1)
  --only TEXT       only scenes whose name or story holds this
  --way TEXT        only ways of pacing whose name holds this
  --port-base N     the lowest of the ports (12000)
  --help            this text

It needs cc. Results go to bench/out/. Run it on a quiet machine.
`;

const SOURCE = new URL('./agent.c', import.meta.url).pathname;
const INTERRUPTED = 130;
const OUT = new URL('../out', import.meta.url).pathname;

interface Options {
  isQuick: boolean;
  rounds: number;
  only: string;
  way: string;
  portBase: number;
}

/** Reads the command line; null where help is asked for. @throws where an option is not known */
function readOptions(args: string[]): Options | null {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '1' },
      only: { type: 'string', default: '' },
      way: { type: 'string', default: '' },
      // Below the ports of outgoing connections (ip_local_port_range), of which each agent has one.
      'port-base': { type: 'string', default: '12000' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const rounds = readCount('--rounds', values.rounds);
  const portBase = readCount('--port-base', values['port-base']);
  return { isQuick: values.quick, rounds, only: values.only, way: values.way, portBase };
}

function readCount(option: string, text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1)
    throw new Error(`${option} ${text}: expected a whole number from 1 on`);
  return count;
}

/** Plays every scene every way; prints and writes what came of it, also where it is broken off by an error. */
async function main(args: string[]): Promise<void> {
  const options = readOptions(args);
  if (!options) {
    process.stdout.write(HELP);
    return;
  }
  const directory = mkdtempSync(join(tmpdir(), 'fb-agent-'));
  const outcomes: Outcome[] = [];
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, async () => {
      process.stderr.write('\nbroken off: cleaning up\n');
      await breakOff();
      rmSync(directory, { recursive: true, force: true });
      if (outcomes.length > 0) write(outcomes);
      process.exit(INTERRUPTED);
    });
  }
  try {
    const agent = join(directory, 'agent');
    execFileSync('cc', ['-O2', '-o', agent, SOURCE]);
    await playAll(options, agent, outcomes);
  } finally {
    rmSync(directory, { recursive: true, force: true });
    if (outcomes.length > 0) write(outcomes);
  }
}

/** @param outcomes where what came of each scene is put: also of those before one that cannot be played */
async function playAll(options: Options, agent: string, outcomes: Outcome[]): Promise<void> {
  const { isQuick, rounds, only, way: wayText, portBase } = options;
  for (let round = 1; round <= rounds; round++) {
    for (const scene of scenesOf(isQuick)) {
      if (!`${scene.name}, ${scene.story}`.includes(only)) continue;
      for (const way of WAYS) {
        if (!way.stories.includes(scene.story) || !way.name.includes(wayText)) continue;
        process.stderr.write(`round ${round}, ${scene.name}, ${scene.story}: ${way.name} …\n`);
        outcomes.push(await play(scene, way, { agent, portBase }));
      }
    }
  }
}

function write(outcomes: readonly Outcome[]): void {
  const text = renderOutcomes(outcomes);
  mkdirSync(OUT, { recursive: true });
  writeFileSync(join(OUT, 'registry.json'), `${JSON.stringify(outcomes, null, 2)}\n`);
  writeFileSync(join(OUT, 'registry.md'), `${text}\n`);
  process.stdout.write(`${text}\n`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`bench: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
