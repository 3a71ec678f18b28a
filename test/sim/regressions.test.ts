import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { decideKill } from '../../src/fleet/decide/kill.ts';
import { decideRollback } from '../../src/fleet/decide/rollout.ts';
import { ofFleet, toTarget } from './expected.ts';
import { FakeFiles } from './fake-files.ts';
import { type Nature, type Process, WELL_BEHAVED } from './kernel.ts';
import { unrest } from './rest.ts';
import { loseRunStore } from './run.ts';
import { programOf } from './specs.ts';
import { SimulatedHost } from './world.ts';

const directory = mkdtempSync(`${tmpdir()}/fleet-sim-`);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const SPEC = { name: 'f', command: ['/bin/sleep', '1'], env: { V: 'v0' }, logs: { to: 'null' } };
const MINUTE_MS = 60_000;

/** Runs a story in a world where nothing goes wrong but what it says. */
async function inWorld(
  story: (world: SimulatedHost) => Promise<void>,
  containment: 'cgroup' | 'session' | null = null,
): Promise<void> {
  const world = new SimulatedHost(1, directory, 100, containment);
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
      const call = () => world.life!.commands.decide('f', (fleet) => decideKill(fleet, { all: true }));
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
    const back = world.life!.commands.decide('f', (fleet, date) => decideRollback(fleet, release, date));
    await expect(back).rejects.toThrow('uses ports');
    expect(world.fleets.get('f')!.fleet.record.release).not.toBe(release);
  }));

/** A process that looks like an agent of the fleet, started by hand. */
function stray(world: SimulatedHost, nature: Partial<Nature> = {}): Process {
  const path = programOf('f');
  return world.kernel.fork({
    ...{ kind: 'stray', key: null, env: {}, parent: null, argv: [path, '0'] },
    nature: { ...WELL_BEHAVED, ...nature },
    program: { path, file: world.disk.at(path)!.id! },
  });
}
const OF_PROGRAM = { ...SPEC, command: [programOf('f'), '{slot}'], ready: { after: '1s' } };

describe.each(['cgroup', 'session'] as const)('strays, contained by %s', (containment) => {
  const inside = (story: (world: SimulatedHost) => Promise<void>) =>
    inWorld((world) => story(world), containment);

  test('are ended by signal, grace and SIGKILL, with what they forked; nobody else is touched', () =>
    inside(async (world) => {
      spawn(world, 1, OF_PROGRAM);
      await world.advance(MINUTE_MS);
      const doomed = [stray(world), stray(world, { stopMs: null, forks: true })];
      await world.advance(1_000);
      world.doomed.add('f');
      const answer = await world.life!.commands.actOnStrays('f', { action: 'kill' });
      expect(answer.strays.map(({ result }) => result)).toEqual(['stopping', 'stopping']);
      await world.advance(MINUTE_MS);
      expect(doomed.map((each) => world.kernel.isAlive(each))).toEqual([false, false]);
      expect([...world.kernel.processes.values()].map(({ kind }) => kind)).toEqual(['agent']);
    }));

  test('whose pid is a stranger’s before SIGKILL leave that one alone', () =>
    inside(async (world) => {
      spawn(world, 1, OF_PROGRAM);
      await world.advance(MINUTE_MS);
      const doomed = stray(world, { stopMs: null });
      world.doomed.add('f');
      await world.life!.commands.actOnStrays('f', { action: 'kill' });
      await world.advance(1_000);
      world.kernel.end(doomed, { code: 0, signal: null });
      await world.advance(50);
      const stranger = { kind: 'stranger', key: null, env: {}, nature: WELL_BEHAVED, parent: null } as const;
      const other = world.kernel.fork(stranger, doomed.pid);
      await world.advance(MINUTE_MS);
      expect(world.kernel.isAlive(other)).toBe(true);
    }));
});

test('strays become agents as they run, and are replaced by nothing', () =>
  inWorld(async (world) => {
    spawn(world, 1, OF_PROGRAM);
    await world.advance(MINUTE_MS);
    const [first, second] = [stray(world), stray(world, { forks: true })];
    await world.advance(1_000);
    const { strays } = await world.life!.commands.actOnStrays('f', { action: 'adopt' });
    expect(strays.map((each) => ('slot' in each ? [each.result, each.slot] : each))).toEqual([
      ['adopted', 1],
      ['adopted', 2],
    ]);
    world.promises = ofFleet('f', toTarget(3))(world.promises);
    await world.advance(MINUTE_MS);
    expect(unrest(world)).toBeNull();
    expect([first, second].map((each) => [each.kind, world.kernel.isAlive(each)])).toEqual([
      ['agent', true],
      ['agent', true],
    ]);
  }, 'cgroup'));

test('a stray that is adopted during its grace is an agent from then on, and gets no SIGKILL', () =>
  inWorld(async (world) => {
    spawn(world, 1, OF_PROGRAM);
    await world.advance(MINUTE_MS);
    const deaf = stray(world, { stopMs: null });
    world.doomed.add('f');
    await world.life!.commands.actOnStrays('f', { action: 'kill' });
    await world.advance(1_000);
    await world.life!.commands.actOnStrays('f', { action: 'adopt' });
    world.promises = ofFleet('f', toTarget(2))(world.promises);
    await world.advance(MINUTE_MS);
    expect([deaf.kind, world.kernel.isAlive(deaf), unrest(world)]).toEqual(['agent', true, null]);
  }, 'cgroup'));

test('what cannot be moved into its slot makes no target grow', () =>
  inWorld(async (world) => {
    spawn(world, 1, OF_PROGRAM);
    await world.advance(MINUTE_MS);
    stray(world);
    vi.spyOn(world.faults, 'move').mockReturnValueOnce('EBUSY');
    const { strays, target } = await world.life!.commands.actOnStrays('f', { action: 'adopt' });
    expect([strays.map(({ result }) => result), target]).toEqual([['failed'], 1]);
    await world.advance(MINUTE_MS);
    expect([...world.fleets.get('f')!.fleet.wantedSlots()]).toEqual([0]);
  }, 'cgroup'));

test('the target is exact, at whatever step of an adoption the supervisor is killed', async () => {
  for (let steps = 0; steps < 14; steps++)
    await inWorld(async (world) => {
      spawn(world, 1, OF_PROGRAM);
      await world.advance(MINUTE_MS);
      for (let i = 0; i < 2; i++) stray(world);
      world.gate.crashAfter(steps);
      const call = () => world.life!.commands.actOnStrays('f', { action: 'adopt' });
      world.command(
        'strays --adopt',
        call,
        ofFleet('f', () => ({ growth: 2 })),
        true,
      );
      await world.advance(MINUTE_MS);
      if (world.gate.isDead) await replace(world);
      const wanted = world.fleets.get('f')!.fleet.wantedSlots().size;
      const agents = [...world.kernel.processes.values()].filter(({ kind }) => kind === 'agent').length;
      expect({ steps, unrest: unrest(world), agents }).toEqual({ steps, unrest: null, agents: wanted });
    }, 'cgroup');
});

/** A fleet is removed with its directories, and the supervisor is killed after so many steps of that. */
async function purge(world: SimulatedHost, steps: number): Promise<void> {
  spawn(world, 1, { ...OF_PROGRAM, binary: programOf('f'), logs: { to: 'file' } });
  await world.advance(MINUTE_MS);
  const call = () => world.life!.commands.decide('f', (fleet) => decideKill(fleet, { all: true }));
  world.command('kill --all', call, ofFleet('f', toTarget(0)));
  await world.advance(MINUTE_MS);
  world.purged.add('f');
  world.gate.crashAfter(steps);
  const remove = () => world.life!.commands.remove('f', true);
  world.command('remove --purge', remove, () => new Map());
  await world.advance(MINUTE_MS);
  if (world.gate.isDead) await replace(world);
}

test('a purge is whole or has not happened, at whatever step the supervisor is killed', async () => {
  for (let steps = 0; steps < 14; steps++)
    await inWorld(async (world) => {
      await purge(world, steps);
      const left = [world.paths.fleets, world.paths.logs].map((each) => world.disk.list(each));
      expect({ steps, left }).toEqual({ steps, left: world.fleets.has('f') ? [['f'], ['f']] : [[], []] });
    });
});

test('a removal that the disk refuses deletes nothing', () =>
  inWorld(async (world) => {
    spawn(world, 0, { ...OF_PROGRAM, binary: programOf('f') });
    await world.advance(MINUTE_MS);
    const before = world.disk.list(world.paths.releases);
    world.gate.isDiskFull = true;
    await expect(world.life!.commands.remove('f', true)).rejects.toThrow('no space');
    world.gate.isDiskFull = false;
    await world.advance(1_000);
    expect(world.disk.list(world.paths.releases)).toEqual(before);
    spawn(world, 1, { ...OF_PROGRAM, binary: programOf('f') });
    await world.advance(MINUTE_MS);
    expect(unrest(world)).toBeNull();
  }));

test('the simulated world can tell that directories are deleted of a fleet that was not removed', async () => {
  const { finishPurges } = FakeFiles.prototype;
  const broken = vi.spyOn(FakeFiles.prototype, 'finishPurges');
  broken.mockImplementation(function (this: FakeFiles, parent) {
    return finishPurges.call(this, parent, () => false);
  });
  try {
    await expect(inWorld((world) => purge(world, 1))).rejects.toThrow('was not removed in the end');
  } finally {
    broken.mockRestore();
  }
});
