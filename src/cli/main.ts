import { isAllWritten } from './output.ts';
import { run } from './run.ts';

/** Ends at once where nothing is left to write: taking down V8's heap takes as long as printing the status. */
function end(exitCode: number): void {
  process.exitCode = exitCode;
  if (isAllWritten()) process.exit();
}

void run(process.argv.slice(2)).then(end);
