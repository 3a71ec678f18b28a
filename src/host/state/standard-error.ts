import { constants, fstatSync, openSync, writeSync } from 'node:fs';

const { O_WRONLY, O_NOCTTY, O_NONBLOCK } = constants;
const STDERR = 2;

/**
 * Standard error, for lines that are kept elsewhere as well. No call throws, and a full pipe or a stopped terminal drops
 * the line instead of keeping the supervisor waiting for its reader.
 */
export class StandardError {
  readonly #fd = withoutWaiting();

  /** Writes one line, or drops it. */
  write(line: string): void {
    try {
      writeSync(this.#fd, line);
    } catch {}
  }
}

/**
 * A descriptor that never waits: O_NONBLOCK belongs to the open file, which others share, so it is opened anew. A file,
 * whose position would not be shared then, does not wait; a socket cannot be opened (ENXIO in open(2)).
 */
function withoutWaiting(): number {
  try {
    if (fstatSync(STDERR).isFile()) return STDERR;
    return openSync('/proc/self/fd/2', O_WRONLY | O_NOCTTY | O_NONBLOCK);
  } catch {
    return STDERR;
  }
}
