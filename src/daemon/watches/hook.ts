import { dirname } from 'node:path';
import type { FleetContext } from '../fleet/context.ts';
import { AGENT_PATH } from '../fleet/launch.ts';

const TIMEOUT_MS = 30_000;

/**
 * Runs a command of the operator as the supervisor's own user, in the directory of its program. Its environment is PATH,
 * FLEET_NAME and `env`, nothing else.
 * @param argv relative to the directory of the spec
 * @param key the key of the spec that names it
 * @throws Error that says why it failed
 */
export async function runHook(
  { fleet, name, services }: FleetContext,
  argv: readonly string[],
  key: string,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const { files, processes } = services.host;
  const path = files.findExecutable(argv[0]!, fleet.record.baseDir, AGENT_PATH, `${key}[0]`);
  const world = { PATH: AGENT_PATH, FLEET_NAME: name, ...env };
  await processes.runHook([path, ...argv.slice(1)], {
    cwd: dirname(path),
    env: world,
    timeoutMs: TIMEOUT_MS,
  });
}
