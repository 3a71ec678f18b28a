import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Bench } from './bench.ts';
import { findProgram } from './commands.ts';
import { HELP, minutesOf, readOptions } from './options.ts';
import { buildPackage } from './package.ts';
import { Stage } from './stage.ts';
import { renderResults } from './table.ts';

const OUT = new URL('./out', import.meta.url).pathname;
const INTERRUPTED = 130;

/** Runs the benchmark, prints its table and writes it to bench/out/, also where it is broken off. */
async function main(args: string[]): Promise<number> {
  const options = readOptions(args);
  if (!options) {
    process.stdout.write(HELP);
    return 0;
  }
  const busybox = await findProgram('busybox');
  if (!busybox) throw new Error('no busybox here, whose httpd is the daemon: apt-get install busybox');
  buildPackage();
  process.stderr.write(`This takes about ${minutesOf(options)} minutes.\n`);
  const stage = new Stage(options, busybox);
  const bench = new Bench(
    stage,
    options,
    ['npm run bench', ...(args.length ? ['--', ...args] : [])].join(' '),
  );
  const finish = () => {
    mkdirSync(OUT, { recursive: true });
    const text = renderResults(bench.results);
    writeFileSync(join(OUT, 'results.json'), `${JSON.stringify(bench.results, null, 2)}\n`);
    writeFileSync(join(OUT, 'results.md'), `${text}\n`);
    process.stdout.write(`${text}\n`);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, async () => {
      process.stderr.write('\nbroken off: cleaning up\n');
      await stage.close();
      finish();
      process.exit(INTERRUPTED);
    });
  }
  try {
    await bench.run();
  } finally {
    await stage.close();
    finish();
  }
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`bench: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
