import { describe, expect, test } from 'vitest';
import type { FleetStatus } from '../../src/api/fleets.ts';
import { type Answer, accepted, fleetOf, json, lines, Place, progress, refuse, SPEC } from './harness.ts';

async function supervised(fleets: FleetStatus[], more: Record<string, Answer> = {}): Promise<Place> {
  const place = new Place();
  const answers = ['web', 'db', 'redis-server'].map((name) => ({
    [`POST /v1/fleets/${name}/spawn`]: json(accepted(name, { kind: 'ready', target: 3 })),
    [`GET /v1/fleets/${name}/watch`]: lines(progress(name, 3, 3), {
      kind: 'end',
      exitCode: 0,
      message: 'all ready.',
    }),
  }));
  await place.supervise(fleets, Object.assign({}, ...answers, more));
  return place;
}

const spawnOf = (place: Place, name: string): unknown => place.bodies(`POST /v1/fleets/${name}/spawn`)[0];
const spec = { name: 'web', command: ['./daemon'], target: 3 };

describe('what spawn spawns', () => {
  test('-f: that file, always, with its directory', async () => {
    const place = await supervised([fleetOf('web')]);
    place.write('other.yaml', SPEC);
    const { code, stderr } = await place.fleetctl('spawn', '7', '-f', 'other.yaml', '--force');
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'web: 3 of 3 ready\nall ready.\n' });
    expect(spawnOf(place, 'web')).toEqual({ target: 7, spec, baseDir: place.cwd, force: true });
    expect(place.seen.map(({ what }) => what)).not.toContain('GET /v1/fleets');
  });

  test('--: that command, with the flags, relative to the working directory', async () => {
    const place = await supervised([fleetOf('web')]);
    const command = ['redis-server', '--port', '{port}', '--json'];
    const flags = ['--port-base', '10000', '--env', 'A=1', '--env', 'B=2', '--parallel', '5'];
    const { code } = await place.fleetctl('spawn', '3', ...flags, '--', ...command);
    expect(code).toBe(0);
    const document = { name: 'redis-server', command, env: { A: '1', B: '2' }, ports: { base: 10000 } };
    expect(spawnOf(place, 'redis-server')).toMatchObject({ target: 3, baseDir: place.cwd, spec: document });
  });

  test('./fleet.yaml, if its fleet is not known yet', async () => {
    const place = await supervised([fleetOf('db')]);
    place.write('fleet.yaml', SPEC);
    expect((await place.fleetctl('spawn')).code).toBe(0);
    expect(spawnOf(place, 'web')).toEqual({ spec, baseDir: place.cwd });
  });

  test('the known fleet of ./fleet.yaml, whose changes are not read', async () => {
    const place = await supervised([fleetOf('db'), fleetOf('web')]);
    place.write('fleet.yaml', 'name: web\nnonsense: 1\n');
    const { code, stderr } = await place.fleetctl('spawn', '9');
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('-f fleet.yaml') });
    expect(spawnOf(place, 'web')).toEqual({ target: 9 });
  });

  test('the only known fleet where there is no file; of several the one named', async () => {
    const one = await supervised([fleetOf('web')]);
    expect((await one.fleetctl('spawn', '9')).code).toBe(0);
    expect(spawnOf(one, 'web')).toEqual({ target: 9 });
    const two = await supervised([fleetOf('db'), fleetOf('web')]);
    expect(await two.fleetctl('spawn', '9')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('db, web'),
    });
    expect((await two.fleetctl('spawn', '9', '--fleet', 'db')).code).toBe(0);
    expect(spawnOf(two, 'db')).toEqual({ target: 9 });
  });

  test('the only fleet that a supervisor of 0.1 knows, which still runs after an upgrade', async () => {
    const unknown = { 'GET /v1/fleets': refuse('REQUEST_INVALID', 404) };
    const place = await supervised([fleetOf('web')], unknown);
    expect((await place.fleetctl('spawn', '9')).code).toBe(0);
    expect(spawnOf(place, 'web')).toEqual({ target: 9 });
  });

  test('--fleet of an unknown fleet: ./fleet.yaml if it has that name, else an error', async () => {
    const place = await supervised([fleetOf('db')]);
    place.write('fleet.yaml', SPEC);
    expect((await place.fleetctl('spawn', '--fleet', 'web')).code).toBe(0);
    expect(spawnOf(place, 'web')).toEqual({ spec, baseDir: place.cwd });
    expect(await place.fleetctl('spawn', '--fleet', 'no')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('FLEET_UNKNOWN'),
    });
    expect(await place.fleetctl('spawn', '-f', 'fleet.yaml', '--fleet', 'no')).toMatchObject({ code: 2 });
  });

  test('nothing known and no file: SPEC_MISSING, and no supervisor is started for it', async () => {
    for (const place of [await supervised([]), new Place()]) {
      const { code, stderr } = await place.fleetctl('spawn', '3');
      expect({ code, stderr }).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/^FLEET_SPEC_MISSING/),
      });
    }
  });
});

describe('before anything is begun', () => {
  test('an invalid spec is refused with 2, with or without a supervisor', async () => {
    for (const place of [await supervised([]), new Place()]) {
      place.write('fleet.yaml', 'name: web\ncommand: [./daemon]\ntargte: 3\n');
      const { code, stderr } = await place.fleetctl('spawn', '3');
      expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('targte') });
      expect(stderr).not.toContain('started the supervisor');
      expect(place.seen.every(({ what }) => what === 'GET /v1/fleets')).toBe(true);
    }
  });

  test('a new fleet needs a target', async () => {
    const place = new Place();
    const { code, stderr } = await place.fleetctl('spawn', '--', 'sleep', '9');
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('the target of sleep is missing'),
    });
  });

  test('a file that is not there is named', async () => {
    const { code, stderr } = await new Place().fleetctl('spawn', '3', '-f', 'no.yaml');
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no file no.yaml'),
    });
  });

  test('--no-autostart without a supervisor ends with 3', async () => {
    const { code, stderr } = await new Place().fleetctl('spawn', '3', '--no-autostart', '--', 'sleep', '9');
    expect({ code, stderr }).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/^FLEET_SUPERVISOR_AWAY/),
    });
  });
});
