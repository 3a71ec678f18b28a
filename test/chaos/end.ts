import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { type Arena, FLEET } from './arena.ts';
import { readAgents } from './kernel.ts';

/** Takes the fleet away as a user would; no process, cgroup or file of it may be left. */
export async function judgeEnd(arena: Arena): Promise<void> {
  const { world } = arena;
  await world.ok('kill', '--all');
  const left = [...readAgents(arena).values()].flat();
  if (left.length > 0) arena.lose(`left over after kill --all: processes ${left.join(', ')}`);
  await world.ok('remove', '--purge');
  await world.ok('shutdown');
  const files = [
    ...globSync(join(world.stateDir, `{fleets,logs,releases}/*`)),
    ...globSync(join(world.runtimeDir, `{${FLEET},*.sock}`)),
    ...(world.cgroup === null ? [] : globSync(join(world.cgroup, FLEET))),
  ].filter((path) => existsSync(path));
  if (files.length > 0) arena.lose(`left over after remove --purge: ${files.join(', ')}`);
}
