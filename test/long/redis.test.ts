import { afterEach, beforeEach, test } from 'vitest';
import { World } from '../e2e/harness.ts';
import { liveWithRedis } from './redis.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

test(
  'keeps 1,000 redis-servers, each on its own port and socket',
  async () => {
    await liveWithRedis(world, { count: 1_000, portBase: 24_000 });
  },
  30 * 60_000,
);
