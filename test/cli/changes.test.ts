import { describe, expect, test } from 'vitest';
import type { WatchLine } from '../../src/api/watch.ts';
import { connectionError, isAbsent, isAway } from '../../src/cli/client.ts';
import type { Goal } from '../../src/fleet/goal.ts';
import { accepted, fleetOf, json, lines, Place, progress, refuse, statusOf } from './harness.ts';

const GONE: Goal = { kind: 'gone', slots: '3-5' };
const END: WatchLine = { kind: 'end', exitCode: 0, message: 'web: 3 agents gone.' };

async function withWeb(place: Place, watch = lines(progress('web', 1, 3), END)): Promise<void> {
  await place.supervise([fleetOf('web')], {
    'POST /v1/fleets/web/kill': json(accepted('web', GONE, ['a note'])),
    'POST /v1/fleets/web/restart': json(accepted('web', { kind: 'ready', target: 3 })),
    'POST /v1/fleets/web/hold': json({}),
    'POST /v1/fleets/web/resume': json({}),
    'DELETE /v1/fleets/web': json({}),
    'GET /v1/fleets/web/watch': watch,
  });
}

describe('kill', () => {
  test('sends what was asked for, tells notes and progress on stderr, and ends as the watch ends', async () => {
    const place = new Place();
    await withWeb(place);
    const { code, stdout, stderr } = await place.fleetctl('kill', '5', '--fleet', 'web');
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toBe('note: a note\nweb: 1 of 3 gone\nweb: 3 agents gone.\n');
    expect(JSON.parse(place.seen.at(-1)!.query.goal!)).toEqual(GONE);
    await place.fleetctl('kill', '--slots', '25,10-12,11');
    await place.fleetctl('kill', '--all');
    expect(place.bodies('POST /v1/fleets/web/kill')).toEqual([
      { count: 5 },
      { slots: '10-12,25' },
      { all: true },
    ]);
  });

  test('--json prints one document with the outcome and the counts', async () => {
    const place = new Place();
    await withWeb(place);
    const { stdout } = await place.fleetctl('kill', '1', '--json');
    const {
      name: _name,
      target: _target,
      leak: _leak,
      memory: _memory,
      pace: _pace,
      rollout: _rollout,
      releases: _releases,
      labels: _labels,
      reload: _reload,
      ...counts
    } = fleetOf('web', { ready: 1 });
    const outcome = { fleet: 'web', target: 3, exitCode: 0, message: 'web: 3 agents gone.' };
    expect(JSON.parse(stdout)).toEqual({ ...outcome, ...counts });
  });

  test('a watch that ends badly gives its exit code, message and hint', async () => {
    const place = new Place();
    const error = { code: 'FLEET_LIMIT_REACHED', hint: 'Raise it.' };
    await withWeb(place, lines({ kind: 'end', exitCode: 5, message: 'web is stuck.', error }));
    const plain = await place.fleetctl('kill', '1');
    expect(plain).toMatchObject({
      code: 5,
      stderr: 'note: a note\nFLEET_LIMIT_REACHED: web is stuck.\n  Raise it.\n',
    });
    const { stdout } = await place.fleetctl('kill', '1', '--json');
    const document = { ...error, message: 'web is stuck.', exitCode: 5, retryable: true };
    expect(JSON.parse(stdout)).toMatchObject({ exitCode: 5, error: document });
  });

  test('goes on watching when the stream breaks off', async () => {
    const place = new Place();
    let times = 0;
    await withWeb(place, (seen, response) => {
      times += 1;
      if (times === 3) return lines(progress('web', 2, 3), END)(seen, response);
      response.write(`${JSON.stringify(progress('web', times, 3))}\n`);
      setTimeout(() => response.destroy(), 30);
    });
    expect(await place.fleetctl('kill', '1')).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('3 agents gone'),
    });
    expect(times).toBe(3);
  });

  test('--timeout stops watching with 4, Ctrl-C with 130; the work goes on', async () => {
    const place = new Place();
    await withWeb(place, (_, response) => response.write(`${JSON.stringify(progress('web', 1, 3))}\n`));
    const late = await place.fleetctl('kill', '1', '--timeout', '200ms', '--json');
    expect(late.code).toBe(4);
    expect(JSON.parse(late.stdout)).toMatchObject({
      exitCode: 4,
      message: expect.stringContaining('continues'),
      ready: 1,
    });
    const { child, ended } = place.start(['kill', '1']);
    child.stderr!.on('data', (chunk) => String(chunk).includes('1 of 3 gone') && child.kill('SIGINT'));
    expect(await ended).toMatchObject({
      code: 130,
      stderr: expect.stringContaining('The work continues in the supervisor'),
    });
  });
});

describe('the other changes', () => {
  test('restart sends slots and --latest', async () => {
    const place = new Place();
    await withWeb(place);
    await place.fleetctl('restart');
    await place.fleetctl('restart', '--latest', '--slots', '7');
    expect(place.bodies('POST /v1/fleets/web/restart')).toEqual([{}, { slots: '7', latest: true }]);
  });

  test('hold, resume and remove say what is so now', async () => {
    const place = new Place();
    await withWeb(place);
    const documents: unknown[] = [];
    for (const args of [['hold'], ['resume'], ['remove'], ['remove', '--purge']]) {
      const { code, stdout } = await place.fleetctl(...args, '--json');
      expect(code).toBe(0);
      documents.push(JSON.parse(stdout));
    }
    expect(documents).toEqual([
      { fleet: 'web', held: true },
      { fleet: 'web', held: false },
      { fleet: 'web', removed: true, purged: false },
      { fleet: 'web', removed: true, purged: true },
    ]);
    const removals = place.seen.filter(({ what }) => what.startsWith('DELETE'));
    expect(removals.map(({ query }) => query)).toEqual([{ purge: 'false' }, { purge: 'true' }]);
    expect(await place.fleetctl('hold')).toMatchObject({
      stdout: '',
      stderr: expect.stringContaining('web is held'),
    });
  });

  test('shutdown waits until the supervisor no longer answers', async () => {
    const place = new Place();
    const server = await place.supervise([fleetOf('web')], {
      'POST /v1/shutdown': (_, response) => {
        response.end('{}');
        setTimeout(() => server.close(), 300);
      },
    });
    const { code, stderr } = await place.fleetctl('shutdown');
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: 'The supervisor (pid 4242) has stopped; 3 agents keep running.\n',
    });
    expect(server.listening).toBe(false);
    expect(place.bodies('POST /v1/shutdown')).toEqual([{ withAgents: false }]);
  });

  test('shutdown ends as well when another supervisor has taken the place', async () => {
    const place = new Place();
    let pid = 1;
    await place.supervise([], {
      'GET /v1/status': (seen, response) => {
        const status = statusOf([]);
        json({ ...status, supervisor: { ...status.supervisor, pid } })(seen, response);
      },
      'POST /v1/shutdown': (_, response) => {
        pid = 2;
        response.end('{}');
      },
    });
    const { code, stdout } = await place.fleetctl('shutdown', '--with-agents', '--json');
    expect({ code, document: JSON.parse(stdout) }).toEqual({
      code: 0,
      document: { pid: 1, withAgents: true },
    });
  });
});

describe('which fleet', () => {
  test('several are told apart by --fleet; none is an error', async () => {
    const place = new Place();
    await place.supervise([fleetOf('db'), fleetOf('web')]);
    const several = await place.fleetctl('hold');
    expect(several).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('FLEET_AMBIGUOUS: there are several fleets: db, web\n'),
    });
    const many = new Place();
    await many.supervise(Array.from({ length: 100 }, (_, i) => fleetOf(`f${i}`)));
    expect((await many.fleetctl('hold')).stderr).toContain('f6, f7 and 92 more\n');
    const empty = new Place();
    await empty.supervise([]);
    expect(await empty.fleetctl('hold')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('FLEET_UNKNOWN'),
    });
  });
});

describe('failures', () => {
  test('no supervisor ends every command with 3 and names the socket', async () => {
    const place = new Place();
    const commands = [
      ['status'],
      ['ps'],
      ['events'],
      ['events', '-f'],
      ['logs', '1'],
      ['kill', '1'],
      ['hold'],
      ['shutdown'],
    ];
    for (const { code, stderr } of await Promise.all(commands.map((args) => place.fleetctl(...args)))) {
      expect(code).toBe(3);
      expect(stderr).toContain(`FLEET_SUPERVISOR_AWAY: no supervisor answers at ${place.socketPath}`);
    }
  });

  test('a refusal by the supervisor keeps its code, text and exit code', async () => {
    const place = new Place();
    await place.supervise([fleetOf('web')], { 'POST /v1/fleets/web/kill': refuse('LIMIT_REACHED') });
    const { code, stdout } = await place.fleetctl('kill', '1', '--json');
    expect(code).toBe(5);
    const error = { code: 'FLEET_LIMIT_REACHED', message: 'because of LIMIT_REACHED', hint: 'the hint' };
    expect(JSON.parse(stdout)).toEqual({ error: { ...error, exitCode: 5, retryable: true } });
  });

  test('a supervisor that dies before it answered counts as away', async () => {
    const place = new Place();
    await place.supervise([fleetOf('web')], {
      'POST /v1/fleets/web/hold': (_, response) => response.destroy(),
    });
    expect((await place.fleetctl('hold')).code).toBe(3);
  });

  test('a supervisor that is stuck counts as away, but not as absent: no second one may be started', () => {
    const errors = ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT'].map((code) =>
      connectionError(Object.assign(new Error(), { code }), '/run/fleetd/fleetd.sock'),
    );
    expect(errors.map(isAway)).toEqual([true, true, true, true]);
    expect(errors.map(isAbsent)).toEqual([true, true, false, false]);
  });

  test('a socket that may not be opened is told as such', () => {
    const error = connectionError(Object.assign(new Error(), { code: 'EACCES' }), '/run/fleetd/fleetd.sock');
    expect(error).toMatchObject({
      code: 'SUPERVISOR_DENIED',
      message: expect.stringContaining('/run/fleetd/fleetd.sock'),
    });
  });
});
