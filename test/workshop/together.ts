import { spawn } from 'node:child_process';

// together.ts SCRIPT…: runs scripts of package.json at the same time and fails if any of them fails. The output of the
// last one is shown as it comes, that of each other one when that has ended.

const scripts = process.argv.slice(2);
const failed = (await Promise.all(scripts.map(run))).filter((script) => script !== null);
if (failed.length > 0) {
  console.error(`failed: ${failed.join(', ')}`);
  process.exitCode = 1;
}

/** Runs one script. @returns its name if it failed, else null */
function run(script: string): Promise<string | null> {
  const isLast = script === scripts.at(-1);
  const child = spawn(process.execPath, ['--run', script], {
    stdio: ['ignore', isLast ? 'inherit' : 'pipe', isLast ? 'inherit' : 'pipe'],
  });
  const printed: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (piece) => printed.push(piece));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      process.stdout.write(Buffer.concat(printed));
      resolve(code === 0 ? null : script);
    });
  });
}
