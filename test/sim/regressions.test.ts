import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, expect, test } from 'vitest';
import { ofFleet, toTarget } from './expected.ts';
import { WELL_BEHAVED } from './kernel.ts';
import { unrest } from './rest.ts';
import { loseRunStore } from './run.ts';
import { SimulatedHost } from './world.ts';

const directory = mkdtempSync(`${tmpdir()}/fleet-sim-`);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const SPEC = { name: 'f', command: ['/bin/sleep', '1'], env: { V: 'v0' }, logs: { to: 'null' } };
const MINUTE_MS = 60_000;

/** Runs a story in a world where nothing goes wrong but what it says. */
async function inWorld(story: (world: SimulatedHost) => Promise<void>): Promise<void> {
  const world = new SimulatedHost(1, directory, 100);
  world.faults.calm();
  world.time.install();
  try {
    world.begin();
    await story(world);
  } finally {
    world.bury();
    world.time.restore();
  }
}

function spawn(world: SimulatedHost, target: number, spec: object = SPEC): void {
  const call = () => world.life!.commands.spawn('f', { spec, target, baseDir: '/', force: true });
  world.command(`spawn ${target}`, call, ofFleet('f', toTarget(target)));
}

/** The supervisor is gone; another one begins when `meanwhile` has happened. */
async function replace(world: SimulatedHost, meanwhile: () => void = () => {}): Promise<void> {
  world.bury();
  meanwhile();
  world.begin();
  await world.advance(MINUTE_MS);
}

test('nothing of a slot is left over, at whatever step of its stop the supervisor is killed', async () => {
  for (let steps = 0; steps < 12; steps++)
    await inWorld(async (world) => {
      spawn(world, 2);
      await world.advance(MINUTE_MS);
      world.gate.crashAfter(steps);
      const call = () => world.life!.commands.kill('f', { all: true });
      world.command('kill --all', call, ofFleet('f', toTarget(0)));
      await world.advance(MINUTE_MS);
      if (world.gate.isDead) await replace(world);
      expect({ steps, unrest: unrest(world) }).toEqual({ steps, unrest: null });
    });
});

test('what an agent forked is not taken for the agent where nobody noted which is which', () =>
  inWorld(async (world) => {
    spawn(world, 1);
    await world.advance(MINUTE_MS);
    const [agent] = world.kernel.inSlot('f/0');
    const fork = { kind: 'worker', key: 'f/0', env: {}, nature: WELL_BEHAVED, parent: null } as const;
    const worker = world.kernel.fork(fork);
    worker.isContained = true;
    await replace(world, () => {
      world.kernel.end(agent!, { code: 1, signal: null });
      loseRunStore(world);
    });
    expect(world.kernel.isAlive(worker)).toBe(false);
    expect(world.kernel.inSlot('f/0').map(({ kind }) => kind)).toEqual(['agent']);
  }));

test('agents of a release without health checks are not asked for what they know nothing of', () =>
  inWorld(async (world) => {
    spawn(world, 2, { ...SPEC, ready: { notify: true } });
    await world.advance(MINUTE_MS);
    const before = [...world.kernel.processes.keys()];
    const health = { every: '2s', failures: 2 };
    spawn(world, 2, { ...SPEC, ready: { notify: true }, env: { V: 'v1' }, health });
    await world.advance(MINUTE_MS);
    expect([...world.kernel.processes.keys()]).toEqual(before);
  }));

test('a rollback to a release that serves ports is refused where the fleet has none', () =>
  inWorld(async (world) => {
    const ports = { base: 20_000, protocol: 'tcp' };
    spawn(world, 1, { ...SPEC, command: ['/bin/sleep', '{port}'], ports });
    await world.advance(MINUTE_MS);
    const { release } = world.fleets.get('f')!.fleet.record;
    spawn(world, 1, { ...SPEC, env: { V: 'v1' } });
    await world.advance(MINUTE_MS);
    await expect(world.life!.commands.rollBack('f', { to: release })).rejects.toThrow('serves ports');
    expect(world.fleets.get('f')!.fleet.record.release).not.toBe(release);
  }));
