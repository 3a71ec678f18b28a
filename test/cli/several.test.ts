import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { worst } from '../../src/cli/several.ts';
import { type Answer, accepted, fleetOf, json, lines, Place, refuse } from './harness.ts';

const FLEETS = [
  fleetOf('web', { labels: { team: 'edge' } }),
  fleetOf('api', { labels: { team: 'edge', tier: '1' } }),
  fleetOf('db', { labels: {} }),
];

async function supervised(answers: Record<string, Answer>): Promise<Place> {
  const place = new Place();
  await place.supervise(FLEETS, answers);
  return place;
}

const changes = (place: Place) =>
  place.seen.map(({ what }) => what).filter((what) => !what.startsWith('GET'));
const end = (exitCode: number, message: string) => lines({ kind: 'end', exitCode, message });
const gone = (fleet: string) => json(accepted(fleet, { kind: 'gone', slots: '0' }));

test('of several exit codes, the one that says most', () => {
  expect(worst([0, 2, 1, 4])).toBe(4);
  expect(worst([1, 5, 3])).toBe(3);
  expect(worst([2, 1, 0])).toBe(1);
  expect(worst([0, 0])).toBe(0);
  expect(worst([3, 130])).toBe(130);
});

describe('commands for several fleets', () => {
  test('one after the other by name; one that is refused does not stop the others', async () => {
    const place = await supervised({
      'POST /v1/fleets/api/hold': refuse('BUSY'),
      'POST /v1/fleets/db/hold': json({}),
      'POST /v1/fleets/web/hold': json({}),
    });
    const { code, stdout } = await place.fleetctl('hold', '--all-fleets', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      fleets: [
        { fleet: 'api', exitCode: 1, error: expect.objectContaining({ code: 'FLEET_BUSY' }) },
        { fleet: 'db', held: true },
        { fleet: 'web', held: true },
      ],
    });
    expect(changes(place)).toEqual(['api', 'db', 'web'].map((name) => `POST /v1/fleets/${name}/hold`));
  });

  test('-l chooses by labels, all of which must match; text says which fleet is meant', async () => {
    const place = await supervised({
      'POST /v1/fleets/api/kill': gone('api'),
      'GET /v1/fleets/api/watch': end(0, 'api: done'),
    });
    const { code, stderr } = await place.fleetctl('kill', '--all', '-l', 'team=edge', '-l', 'tier');
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'api (1 of 1)\napi: done\n' });
    expect(place.bodies('POST /v1/fleets/api/kill')).toEqual([{ all: true }]);
  });

  test('a rolling update stops at the first fleet that fails', async () => {
    const place = await supervised({
      'POST /v1/fleets/api/rolling-update': json(accepted('api', { kind: 'rollout', id: 1, wants: 'done' })),
      'GET /v1/fleets/api/watch': end(4, 'rolled back'),
    });
    const { code, stderr } = await place.fleetctl('rolling-update', '--all-fleets');
    expect(code).toBe(4);
    expect(stderr).toContain('Not begun: db, web');
    expect(changes(place)).toEqual(['POST /v1/fleets/api/rolling-update']);
  });

  test.each([
    [['hold', '-l', 'team=none'], 'no fleet has the labels'],
    [['hold', '-l', 'a b'], '--selector must be'],
    [['hold', '--all-fleets', '--fleet', 'web'], '--fleet and --all-fleets are mutually exclusive'],
    [['hold', '--all-fleets', '-l', 'team'], '--all-fleets and --selector are mutually exclusive'],
    [['kill', '5', '--all-fleets'], 'COUNT is for one fleet'],
    [['kill', '--slots', '1', '-l', 'team'], '--slots is for one fleet'],
    [['restart', '--slots', '1', '--all-fleets'], '--slots is for one fleet'],
    [['rolling-update', '-f', 'a.yaml', '--all-fleets'], '-f is for one fleet'],
    [['logs', '3', '--all-fleets'], 'unknown option "--all-fleets"'],
    [['spawn', '3', '-l', 'team'], 'unknown option "-l"'],
  ])('%j is refused', async (args, expected) => {
    const place = await supervised({});
    const { code, stderr } = await place.fleetctl(...args);
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining(expected) });
    expect(changes(place)).toEqual([]);
  });

  test('what only shows keeps its shape', async () => {
    const row = {
      release: 'r1',
      label: null,
      createdAt: new Date(0).toISOString(),
      agents: 3,
      current: true,
    };
    const place = await supervised({
      'GET /v1/fleets/api/releases': json({ releases: [row] }),
      'GET /v1/fleets/web/releases': json({ releases: [row] }),
      'GET /v1/fleets/api/rollout': json(null),
      'GET /v1/fleets/web/rollout': json(null),
    });
    const shown = async (...args: string[]) =>
      JSON.parse((await place.fleetctl(...args, '-l', 'team', '--json')).stdout);
    expect(await shown('releases')).toEqual({
      releases: [
        { fleet: 'api', ...row },
        { fleet: 'web', ...row },
      ],
    });
    expect(await shown('rollout', 'status')).toEqual({
      fleets: [
        { fleet: 'api', rollout: null },
        { fleet: 'web', rollout: null },
      ],
    });
    const { fleets } = await shown('status', '--full');
    expect(fleets.map(({ name, labels }: { name: string; labels: object }) => [name, labels])).toEqual([
      ['web', { team: 'edge' }],
      ['api', { team: 'edge', tier: '1' }],
    ]);
  });

  test('events of the chosen fleets come in their order, the last of all', async () => {
    const event = (seq: number, fleet: string) => ({
      seq,
      at: new Date(0).toISOString(),
      fleet,
      type: 'hold',
      slots: null,
      reason: 'x',
    });
    const place = await supervised({
      'GET /v1/events': ({ query }, response) => {
        const all = [event(1, 'web'), event(2, 'db'), event(3, 'api'), event(4, 'web')];
        const own = all.filter(({ fleet }) => fleet === query.fleet);
        response.end(own.map((each) => `${JSON.stringify(each)}\n`).join(''));
      },
    });
    const { stdout } = await place.fleetctl('events', '-l', 'team', '--limit', '2', '--json');
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).seq),
    ).toEqual([3, 4]);
  });
});

describe('spawn of several specs', () => {
  const apply = json({
    fleets: [
      accepted('a', { kind: 'ready', target: 3 }),
      accepted('b', { kind: 'ready', target: 3 }, ['a note']),
    ],
  });

  async function withSpecs(answers: Record<string, Answer> = {}): Promise<Place> {
    const place = await supervised({
      'PUT /v1/fleets': apply,
      'GET /v1/fleets/a/watch': end(0, '3 of 3 ready'),
      'GET /v1/fleets/b/watch': end(4, '1 of 3 ready'),
      ...answers,
    });
    mkdirSync(join(place.cwd, 'specs'));
    place.write('specs/a.yaml', 'name: a\ncommand: [x]\ntarget: 3\n---\nname: b\ncommand: [x]\ntarget: 3\n');
    return place;
  }

  test('is one request, and waits for all; the exit code is the worst', async () => {
    const place = await withSpecs();
    const { code, stdout, stderr } = await place.fleetctl('spawn', '-f', 'specs', '--json');
    expect({ code, stderr }).toEqual({ code: 4, stderr: 'note: b: a note\n' });
    expect(JSON.parse(stdout)).toEqual({
      fleets: [
        { fleet: 'a', target: 3, exitCode: 0, message: '3 of 3 ready' },
        { fleet: 'b', target: 3, exitCode: 4, message: '1 of 3 ready' },
      ],
    });
    const baseDir = join(place.cwd, 'specs');
    const fleets = ['a', 'b'].map((name) => ({ spec: { name, command: ['x'], target: 3 }, baseDir }));
    expect(place.bodies('PUT /v1/fleets')).toEqual([{ fleets }]);
    const told = await place.fleetctl('spawn', '-f', 'specs');
    expect(told.stderr).toMatch(/a: 3 of 3 ready\n/);
    expect(told.stderr).toMatch(/1 of 2 fleets are as wanted\.\n$/);
  });

  test('--fleet takes one of them; TARGET is for one', async () => {
    const place = await withSpecs({
      'POST /v1/fleets/b/spawn': json(accepted('b', { kind: 'ready', target: 9 })),
    });
    await place.fleetctl('spawn', '9', '-f', 'specs', '--fleet', 'b');
    expect(place.bodies('POST /v1/fleets/b/spawn')).toMatchObject([{ target: 9, spec: { name: 'b' } }]);
    expect(await place.fleetctl('spawn', '9', '-f', 'specs')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('TARGET is for one fleet, and -f names several specs: a, b'),
    });
    expect(await place.fleetctl('rolling-update', '-f', 'specs')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('specs/a.yaml (document 1) and specs/a.yaml (document 2)'),
    });
    expect(place.bodies('PUT /v1/fleets')).toEqual([]);
  });

  test('every problem of every file is named, with its line, before anything is asked', async () => {
    const place = await withSpecs();
    place.write('specs/b.yaml', 'name: a\ncommand: [x]\ntarget: 3\n');
    place.write('specs/c.yaml', 'name: c\ncommand: [x]\nports:\n  base: x\n');
    const { code, stderr } = await place.fleetctl('spawn', '-f', 'specs');
    expect(code).toBe(2);
    expect(stderr).toContain(
      'specs/b.yaml:1: name: specs/b.yaml and specs/a.yaml (document 1) both describe fleet a\n',
    );
    expect(stderr).toContain('specs/c.yaml:4: ports.base: expected a whole number');
    expect(place.seen).toEqual([]);
  });
});

describe('validate', () => {
  test('names each problem with file, document, line and path, without a supervisor', async () => {
    const place = new Place();
    place.write('a.yaml', 'name: a\ncommand: [x]\n---\nname: b\ncommand: [x, 5]\nrounds: { paralel: 3 }\n');
    place.write('b.yaml', 'name: [\n');
    const { code, stdout } = await place.fleetctl('validate', '-f', 'a.yaml', '-f', 'b.yaml', '--json');
    expect(code).toBe(2);
    const { valid, problems } = JSON.parse(stdout);
    expect(valid).toBe(false);
    expect(problems).toMatchObject([
      { file: 'b.yaml', path: '', line: 2, document: null },
      { file: 'a.yaml', path: 'command[1]', line: 5, document: 2 },
      {
        file: 'a.yaml',
        path: 'rounds.paralel',
        line: 6,
        document: 2,
        message: expect.stringContaining('did you mean'),
      },
    ]);
    const text = await place.fleetctl('validate', '-f', 'a.yaml');
    expect(text.stdout).toMatch(
      /^a\.yaml:5: command\[1\]: expected text.*\na\.yaml:6: rounds\.paralel: unknown key/,
    );
    expect(text.stderr).toBe('2 specs in 1 file: 2 problems\n');
  });

  test('finds fleets that are described twice, and ports that overlap', async () => {
    const place = new Place();
    const spec = (name: string, base: number) =>
      `name: ${name}\ncommand: [x]\ntarget: 10\nports:\n  base: ${base}\n`;
    place.write('a.yaml', spec('a', 100));
    place.write('b.yaml', `${spec('b', 105)}---\n${spec('a', 300)}`);
    const { stdout } = await place.fleetctl('validate', '-f', '.', '--json');
    expect(JSON.parse(stdout).problems).toMatchObject([
      {
        file: 'b.yaml',
        document: 2,
        path: 'name',
        message: 'b.yaml (document 2) and a.yaml both describe fleet a',
      },
      {
        file: 'b.yaml',
        document: 1,
        path: 'ports.base',
        line: 5,
        message: 'ports 105-114 overlap with 100-109 of fleet a (a.yaml)',
      },
    ]);
  });

  test('is content with valid specs, and reads ./fleet.yaml', async () => {
    const place = new Place();
    place.write('fleet.yaml', 'name: a\ncommand: [x]\n');
    expect(await place.fleetctl('validate', '--json')).toMatchObject({
      code: 0,
      stdout: '{"valid":true,"problems":[]}\n',
    });
    expect(await place.fleetctl('validate', '-f', 'no.yaml')).toMatchObject({ code: 2 });
    mkdirSync(join(place.cwd, 'empty'));
    expect(await place.fleetctl('validate', '-f', 'empty')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('FLEET_SPEC_MISSING: there is no *.yaml'),
    });
  });
});
