import { describe, expect, test } from 'vitest';
import type { Stray, StrayResult, StraysAnswer } from '../../src/api/strays.ts';
import type { WatchdogAnswer } from '../../src/api/watchdog.ts';
import { fleetOf, json, Place, refuse } from './harness.ts';

/** No process can have this pid: it is above every pid_max (2²²). */
const GONE_PID = 4_194_305;

function stray(fields: Partial<Stray> = {}): Stray {
  return {
    fleet: 'web',
    pid: GONE_PID,
    startTicks: 1,
    uid: 0,
    command: 'agent --port 10003',
    startedAt: '2026-03-01T10:00:00.000Z',
    rssBytes: 8 * 1024 * 1024,
    ports: [{ protocol: 'tcp', port: 10_003 }],
    slot: 3,
    refused: null,
    workers: [],
    parents: [
      { pid: 812, name: 'bash' },
      { pid: 1, name: 'systemd' },
    ],
    cgroup: '/user.slice/session-5.scope',
    unit: 'session-5.scope',
    ...fields,
  };
}

function answer(strays: (Stray & StrayResult)[], fields: Partial<StraysAnswer> = {}): StraysAnswer {
  return { fleet: 'web', target: 3, targetBefore: 3, strays, notes: [], withinMs: 0, ...fields };
}

const POST = 'POST /v1/fleets/web/strays';

describe('fleetctl strays', () => {
  test('lists by who started them, within 80 columns but for the command, and lets no escape sequence through', async () => {
    const place = new Place();
    const strays = [
      stray({ pid: 11 }),
      stray({ pid: 12, slot: null, ports: [], command: 'agent \x1b]0;owned\x07' }),
      stray({
        pid: 13,
        parents: [{ pid: 1, name: 'systemd' }],
        unit: 'cron.service',
        cgroup: '/cron.service',
      }),
    ];
    await place.supervise([fleetOf('web')], { 'GET /v1/strays': json({ strays }) });
    const { code, stdout } = await place.fleetctl('strays');
    expect(code).toBe(0);
    expect(stdout).toContain('web: 2 strays\n  started by bash 812 < systemd 1\n  in session-5.scope (/user');
    expect(stdout).toContain('web: 1 stray\n  started by systemd 1\n  in cron.service');
    expect(stdout).toMatch(/^ *11 .* tcp 10003 +3 +agent --port 10003$/m);
    expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  });

  test('--json is one document; none found is said on stderr, and both end with 0', async () => {
    const place = new Place();
    await place.supervise([fleetOf('web')], { 'GET /v1/strays': json({ strays: [] }) });
    expect(await place.fleetctl('strays', '--json', '--fleet', 'web')).toMatchObject({
      code: 0,
      stdout: '{"strays":[]}\n',
    });
    expect(place.seen.at(-1)!.query).toEqual({ fleet: 'web' });
    expect(await place.fleetctl('strays')).toMatchObject({ code: 0, stdout: '', stderr: 'No strays.\n' });
  });

  test('--adopt tells what became of each, and ends with 1 where one failed', async () => {
    const place = new Place();
    const strays = [
      { ...stray({ pid: 11 }), result: 'adopted' as const, slot: 3, state: 'starting' as const },
      { ...stray({ pid: 12 }), result: 'failed' as const, reason: 'EBUSY' },
      { ...stray({ pid: 13 }), result: 'gone' as const },
    ];
    await place.supervise([fleetOf('web')], {
      [POST]: json(answer(strays, { target: 4, notes: ['beware'] })),
    });
    const { code, stdout, stderr } = await place.fleetctl('strays', '--adopt', '11', '12', '13');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    for (const said of [
      'pid 11 is slot 3',
      'pid 12: EBUSY',
      'pid 13 has ended',
      'target 3 → 4',
      'note: beware',
    ])
      expect(stderr).toContain(said);
    expect(place.bodies(POST)).toEqual([{ action: 'adopt', pids: [11, 12, 13] }]);
  });

  test('--kill waits for the end of each, and says so where one is still there', async () => {
    const place = new Place();
    const own = { pid: process.pid, startTicks: await startTicksOf(process.pid) };
    const strays = [
      { ...stray(), result: 'stopping' as const },
      { ...stray(own), result: 'stopping' as const },
    ];
    await place.supervise([fleetOf('web')], { [POST]: json(answer(strays)) });
    const { code, stdout } = await place.fleetctl('strays', '--kill', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout).strays.map(({ result }: StrayResult) => result)).toEqual(['ended', 'failed']);
    expect(place.bodies(POST)).toEqual([{ action: 'kill' }]);
  });

  test.each([[['--adopt', '--kill']], [['4711']], [['--kill', 'all']], [['--kill', '0']]])(
    '%j makes no sense, and nothing is asked for',
    async (args) => {
      const place = new Place();
      await place.supervise([fleetOf('web')]);
      expect((await place.fleetctl('strays', ...args)).code).toBe(2);
      expect(place.seen).toEqual([]);
    },
  );
});

async function startTicksOf(pid: number): Promise<number> {
  const { readStat } = await import('../../src/host/proc/stat.ts');
  return readStat(pid)!.startTicks;
}

describe('fleetctl watchdog', () => {
  const seen: WatchdogAnswer = {
    verdict: 'ok',
    summary: 'web 3 of 3 ready',
    alarms: [],
    notes: [],
    maintenance: null,
    fleets: [],
    host: { memoryAvailablePercent: 50, memoryPressurePercent: null },
    supervisor: { pid: 4242 },
  };

  test.each([
    ['ok', 0],
    ['maintenance', 0],
    ['degraded', 4],
  ] as const)('%s ends with %i, with one line', async (verdict, exitCode) => {
    const place = new Place();
    await place.supervise([fleetOf('web')], { 'GET /v1/watchdog': json({ ...seen, verdict }) });
    const { code, stdout } = await place.fleetctl('watchdog');
    expect({ code, stdout }).toEqual({ code: exitCode, stdout: `${verdict}: web 3 of 3 ready\n` });
    const { stdout: document } = await place.fleetctl('watchdog', '--json');
    expect(JSON.parse(document)).toEqual({
      ...seen,
      verdict,
      line: stdout.trim(),
      supervisor: { pid: 4242, started: false },
    });
  });

  test('what a fleet’s reasons hold commands no terminal', async () => {
    const place = new Place();
    const summary = 'web is held: \x1b]0;owned\x07\nexit 1';
    await place.supervise([], { 'GET /v1/watchdog': json({ ...seen, verdict: 'degraded', summary }) });
    const { stdout } = await place.fleetctl('watchdog');
    expect(stdout.trimEnd()).not.toMatch(/\p{Cc}/u);
  });

  test('a refusal of the supervisor is no verdict', async () => {
    const place = new Place();
    await place.supervise([], { 'GET /v1/watchdog': refuse('INTERNAL') });
    expect(await place.fleetctl('watchdog')).toMatchObject({ code: 1, stdout: '' });
  });
});
