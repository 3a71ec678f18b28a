import { FleetError } from '../../errors/fleet-error.ts';
import type { Launch } from '../../host/host.ts';
import { commandsOf } from '../../specification/commands.ts';
import { type ExecProblem, execProblem, STRING_BYTES_MAX } from '../../specification/exec-size.ts';
import { stackBytesOf } from '../../specification/limits.ts';
import { formatSize } from '../../specification/units.ts';
import { accountFor, agentLaunch, helperLaunch, type LaunchWorld } from '../fleet/launch.ts';

const NOWHERE = { path: '/dev/null' };

/**
 * Checks that the kernel can pass words and environment to everything that a slot executes. Placeholders make these
 * longest in the highest slot.
 * @throws FleetError SPEC_INVALID with the name of what is too large, and by how much
 */
export function checkExecSize(world: LaunchWorld): void {
  const { host, spec, slot } = world;
  const account = accountFor(host.processes.users, spec.user, slot);
  const stackBytes = stackBytesOf(spec);
  check('command', agentLaunch(world, account, NOWHERE), world, stackBytes);
  for (const { where, argv } of commandsOf(spec))
    check(where, helperLaunch(world, { argv, where, output: NOWHERE }, account), world, stackBytes);
}

function check(where: string, launch: Launch, { release }: LaunchWorld, stackBytes: number): void {
  const problem = execProblem(launch, stackBytes);
  if (problem === null) return;
  const origin = (name: string) => {
    if (Object.hasOwn(release.secrets, name)) return `variable ${name} of envFile`;
    return Object.hasOwn(release.env, name) ? `env.${name}` : `variable ${name}`;
  };
  throw new FleetError('SPEC_INVALID', describe(where, problem, stackBytes, origin), {
    hint: 'Pass what is so large in a file, and its path in the environment.',
  });
}

function describe(
  where: string,
  problem: ExecProblem,
  stackBytes: number,
  origin: (variable: string) => string,
): string {
  if (problem.is === 'total') {
    const { bytes, bytesMax, largest } = problem;
    const most = largest === null ? '' : `; the largest is ${origin(largest.name)} with ${largest.bytes}`;
    return `${where}: words and environment have ${bytes} bytes together, but with a stack limit of ${formatSize(stackBytes)} execve(2) takes ${bytesMax}${most}`;
  }
  const what = problem.is === 'word' ? `${where}[${problem.index}]` : origin(problem.name);
  const name = problem.is === 'word' ? '' : ' with its name';
  return `${what} has ${problem.bytes} bytes${name}, but execve(2) takes ${STRING_BYTES_MAX}`;
}
