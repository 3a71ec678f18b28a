import { describe, expect, test } from 'vitest';
import type { Signalled } from '../../src/api/reload.ts';
import type { WatchLine } from '../../src/api/watch.ts';
import { accepted, fleetOf, json, lines, Place, progress, refuse } from './harness.ts';

const GOAL = { kind: 'reloaded', id: 2 } as const;
const FAILED: WatchLine = {
  kind: 'end',
  exitCode: 1,
  message: '2 reloaded, 1 failed (slot 2: it ended: exited 7), 1 not touched',
  sample: 'the configuration is broken\n',
  reload: { reloaded: [0, 1], skipped: [], failed: [{ slot: 2, reason: 'it ended: exited 7' }], left: [3] },
};
const DONE: WatchLine = {
  kind: 'end',
  exitCode: 0,
  message: '4 reloaded',
  reload: { reloaded: [0, 1, 2, 3], skipped: [], failed: [], left: [] },
};

async function placeWith(...stream: WatchLine[]): Promise<Place> {
  const place = new Place();
  await place.supervise([fleetOf('web')], {
    'POST /v1/fleets/web/reload': json(accepted('web', GOAL)),
    'GET /v1/fleets/web/watch': lines(...stream),
  });
  return place;
}

describe('reload', () => {
  test('sends the slots, follows the progress, and says what has become of it', async () => {
    const place = await placeWith(progress('web', 2, 4), DONE);
    const { code, stdout, stderr } = await place.fleetctl('reload', '--slots', '3,0-2');
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toMatch('web: 2 of 4 reloaded');
    expect(stderr).toMatch('4 reloaded');
    expect(place.bodies('POST /v1/fleets/web/reload')).toEqual([{ slots: '0-3' }]);
  });

  test('prints one document about the agents, whatever the state of the fleet says', async () => {
    const place = await placeWith(progress('web', 2, 4), FAILED);
    const { code, stdout } = await place.fleetctl('reload', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      fleet: 'web',
      exitCode: 1,
      message: '2 reloaded, 1 failed (slot 2: it ended: exited 7), 1 not touched',
      reloaded: [0, 1],
      skipped: [],
      failed: [{ slot: 2, reason: 'it ended: exited 7' }],
      left: [3],
      sample: 'the configuration is broken\n',
    });
  });

  test('of several fleets stops at the first that fails', async () => {
    const place = new Place();
    await place.supervise([fleetOf('api'), fleetOf('web')], {
      'POST /v1/fleets/api/reload': json(accepted('api', GOAL)),
      'GET /v1/fleets/api/watch': lines(FAILED),
    });
    const { code, stderr } = await place.fleetctl('reload', '--all-fleets');
    expect(code).toBe(1);
    expect(stderr).toMatch('the configuration is broken');
    expect(stderr).toMatch('Not begun: web');
    expect(place.bodies('POST /v1/fleets/web/reload')).toEqual([]);
  });

  test('shows why it is refused', async () => {
    const place = new Place();
    await place.supervise([fleetOf('web')], { 'POST /v1/fleets/web/reload': refuse('USAGE') });
    expect(await place.fleetctl('reload')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('because of USAGE'),
    });
  });
});

describe('signal', () => {
  const ANSWER: Signalled = {
    fleet: 'web',
    signal: 'SIGUSR1',
    slots: [0, 1],
    sent: 2,
    missed: [],
    failed: [],
  };
  const placeThat = async (answer: Partial<Signalled>) => {
    const place = new Place();
    await place.supervise([fleetOf('web')], {
      'POST /v1/fleets/web/signal': json({ ...ANSWER, ...answer }),
    });
    return place;
  };

  test.each([
    [['usr1'], { signal: 'SIGUSR1' }],
    [
      ['12', '--slots', '4,1-2', '--all-processes'],
      { signal: 'SIGUSR2', slots: '1-2,4', allProcesses: true },
    ],
    [['SIGRTMAX'], { signal: 'SIGRTMIN+30' }],
  ])('%j sends %j', async (args, body) => {
    const place = await placeThat({});
    const { code, stderr } = await place.fleetctl('signal', ...args);
    expect([code, stderr]).toEqual([0, 'web: SIGUSR1 sent to 2 processes in slots 0-1\n']);
    expect(place.bodies('POST /v1/fleets/web/signal')).toEqual([body]);
  });

  test('fails if nothing got it, or the kernel refused it in a slot', async () => {
    const nobody = await placeThat({ slots: [], sent: 0, missed: [0, 1] });
    expect(await nobody.fleetctl('signal', 'HUP')).toMatchObject({
      code: 1,
      stderr: 'web: SIGUSR1 sent to 0 processes\nNo process in slots 0-1\n',
    });
    const refused = await placeThat({ slots: [0], sent: 1, failed: [{ slot: 1, reason: 'EPERM' }] });
    const { code, stdout } = await refused.fleetctl('signal', 'HUP', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ exitCode: 1, failed: [{ slot: 1, reason: 'EPERM' }] });
  });

  test('refuses what is no signal before it asks anybody', async () => {
    const place = await placeThat({});
    for (const written of ['NONE', '65', '0']) {
      const { code, stderr } = await place.fleetctl('signal', written);
      expect([code, stderr]).toEqual([
        2,
        expect.stringContaining(
          `SIGNAL must be a signal such as HUP, SIGUSR1, SIGRTMIN+3 or 10, found "${written}"`,
        ),
      ]);
    }
    expect(place.bodies('POST /v1/fleets/web/signal')).toEqual([]);
  });
});
