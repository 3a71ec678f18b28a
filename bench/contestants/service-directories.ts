import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Place, portsOf } from '../place.ts';

/**
 * Writes a service directory with a `run` for each agent, as s6 and runit read them.
 * @param scanOf which directory of service directories an agent belongs to
 * @param script the text of `run`
 */
export function writeServices(
  place: Place,
  scanOf: (index: number) => string,
  script: (port: number) => string,
): void {
  for (const [index, port] of portsOf(place).entries()) {
    const directory = join(scanOf(index), `httpd-${port}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'run'), script(port), { mode: 0o755 });
  }
}
