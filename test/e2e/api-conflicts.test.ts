import { afterEach, expect, test } from 'vitest';
import { type Client, clientOf } from '../../src/cli/client.ts';
import { FleetError } from '../../src/errors/fleet-error.ts';
import { expectOneProcessEach, randomOf } from '../long/crashes.ts';
import { until, World } from './harness.ts';

const AGENTS = 20;
const ROUNDS = 8;
const WEB = { fleet: 'web' };
const SPEC = {
  name: 'web',
  command: ['sleep', '1000'],
  ready: { after: '10ms' },
  rounds: { parallel: 100, delay: '0s' },
  update: { batch: 10, wait: '100ms' },
};

let world: World;
afterEach(() => world.dispose());

/** Asks for something; gives what was answered, which has to be one or the other. */
async function ask<Answer>(call: (client: Client) => Promise<Answer>): Promise<Answer | FleetError> {
  try {
    return await call(clientOf(`${world.runtimeDir}/fleetd.sock`));
  } catch (error) {
    if (error instanceof FleetError && error.code !== 'INTERNAL') return error;
    throw error;
  }
}

/** What users may do to one fleet at the same moment. */
function commands(random: () => number): ((client: Client) => Promise<{ target: number }>)[] {
  const count = () => Math.floor(random() * AGENTS);
  return [
    (client) => client.call('spawn', WEB, { target: AGENTS + count() }),
    (client) => client.call('spawn', WEB, { target: 1 + count() }),
    (client) =>
      client.call('spawn', WEB, {
        spec: { ...SPEC, env: { TURN: String(count()) } },
        baseDir: '/',
        target: AGENTS,
      }),
    (client) => client.call('kill', WEB, { count: count() }),
    (client) => client.call('kill', WEB, { slots: '0-3' }),
    (client) => client.call('restart', WEB, {}),
    (client) => client.call('restart', WEB, { latest: true }),
    (client) => client.call('hold', WEB),
    (client) => client.call('resume', WEB),
    (client) =>
      client.call('rollingUpdate', WEB, { spec: { ...SPEC, env: { TURN: 'rolled' } }, baseDir: '/' }),
  ];
}

test('conflicting commands at once leave the fleet as one after the other would', async () => {
  world = new World();
  const file = world.write('fleet.json', JSON.stringify(SPEC));
  await world.ok('spawn', String(AGENTS), '-f', file);
  const random = randomOf(7);
  for (let round = 0; round < ROUNDS; round++) {
    const asked = commands(random).sort(() => random() - 0.5);
    const answers = await Promise.all(asked.map(ask));
    await ask((client) => client.call('resume', WEB));
    // Commands come one after the other in an order that nobody knows: the last one that set a target was one of these.
    const targets = answers.flatMap((answer) => (answer instanceof FleetError ? [] : [answer.target]));
    const { target } = await world.fleet();
    expect(targets).toContain(target);
    await until(async () => {
      const { ready, running, held, rollout } = await world.fleet();
      const isOver = rollout === null || !['running', 'rolling-back'].includes(rollout.state);
      return isOver && held === null && ready === target && running === target;
    });
    await expectOneProcessEach(world, await world.ps());
  }
});

test('of removing a fleet and spawning it anew at once, each is done whole or refused', async () => {
  world = new World();
  const file = world.write('fleet.json', JSON.stringify(SPEC));
  for (let round = 0; round < 5; round++) {
    await world.ok('spawn', '4', '-f', file);
    await world.ok('kill', '--all');
    const [removed, spawned] = await Promise.all([
      world.fleetctl('remove', '--fleet', 'web', '--purge'),
      world.fleetctl('spawn', '6', '-f', file),
    ]);
    expect(spawned.code, spawned.stderr).toBe(0);
    expect([0, 1]).toContain(removed.code);
    await expectOneProcessEach(world, await world.ps());
    expect(await world.fleet()).toMatchObject({ target: 6, ready: 6 });
  }
});
