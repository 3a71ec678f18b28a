import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { AgentRow } from '../../src/api/agents.ts';
import type { FleetEvent } from '../../src/api/events.ts';
import { type Answer, fleetOf, json, lines, Place, refuse, statusOf } from './harness.ts';

const ESCAPE = '\x1b]0;owned\x07\u009b31m';

function agent(fleet: string, slot: number, fields: Partial<AgentRow> = {}): AgentRow {
  const nothing = { pid: null, port: null, release: null, startedAt: null, rssBytes: null, lastExit: null };
  return { fleet, slot, state: 'backoff', socket: '/s', dir: '/d', restarts: 0, ...nothing, ...fields };
}

function event(seq: number, reason = 'asked for'): FleetEvent {
  return { seq, at: '2026-03-01T10:00:00.000Z', fleet: 'web', type: 'kill', slots: '3-5', reason };
}

describe('status', () => {
  test('--json is the document of the contract; --fleet leaves one fleet in it', async () => {
    const place = new Place();
    await place.supervise([fleetOf('db'), fleetOf('web')]);
    const all = await place.fleetctl('status', '--json', '--full');
    expect(JSON.parse(all.stdout)).toEqual(statusOf([fleetOf('db'), fleetOf('web')]));
    const one = await place.fleetctl('--fleet', 'web', 'status', '--json', '--full');
    expect(JSON.parse(one.stdout)).toEqual(statusOf([fleetOf('web')]));
    expect((await place.fleetctl('status', '--fleet', 'no')).code).toBe(2);
  });

  test('tells how many agents may be starting, and why, while the fleet is not ready', async () => {
    const pace = {
      limit: 57,
      ratePerSecond: 487,
      baseMs: 41,
      reason: 'follows the rate: 487.0 agents per second become ready',
    };
    const place = new Place();
    await place.supervise([fleetOf('web', { ready: 1, pace }), fleetOf('db', { pace })]);
    const { stdout } = await place.fleetctl('status');
    expect(stdout).toContain(
      'web: at most 57 agents may be starting: follows the rate: 487.0 agents per second become ready',
    );
    expect(stdout).not.toContain('db: 57');
  });

  test('tells why a fleet is held with a sample, and lets no escape sequence through', async () => {
    const place = new Place();
    const held = {
      reason: `6 of 10${ESCAPE}`,
      since: '2026-03-01T10:00:00Z',
      sample: `no config\n${ESCAPE}bad\n`,
    };
    await place.supervise([fleetOf('web', { held, target: 12_000 })]);
    const { code, stdout } = await place.fleetctl('status');
    expect(code).toBe(0);
    expect(stdout).toMatch(/web has been held since .*: 6 of 10/);
    expect(stdout).toContain('  | no config\n');
    expect(stdout).toContain('12,000');
    expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  });

  test('shows which releases agents run, not the newest that none runs', async () => {
    const place = new Place();
    const run = (...agents: number[]) => agents.map((count, i) => ({ release: `r${i + 1}`, agents: count }));
    await place.supervise([
      fleetOf('newest', { releases: run(3) }),
      fleetOf('none', { releases: [] }),
      fleetOf('old', { release: 'r9' }),
      fleetOf('some', { releases: run(2, 1) }),
      fleetOf('most', { release: 'r2', releases: run(2, 1) }),
    ]);
    const { stdout } = await place.fleetctl('status');
    const shown = (name: string) => new RegExp(`^${name} .*-  (\\S.*)$`, 'm').exec(stdout)?.[1];
    expect(['newest', 'none', 'old', 'some', 'most'].map(shown)).toEqual([
      'r1',
      '-',
      'r1 (newest: r9)',
      'r1 (newest) +1',
      'r1 +1 (newest: r2)',
    ]);
    const json = JSON.parse((await place.fleetctl('status', '--json')).stdout);
    expect(json.fleets[2]).toMatchObject({ name: 'old', release: 'r9' });
    expect(json.fleets[2]).not.toHaveProperty('releases');
  });

  test('of many fleets shows those in trouble, the worst first, and counts the others', async () => {
    const place = new Place();
    const fleets = Array.from({ length: 62 }, (_, i) => fleetOf(`f${i}`));
    const held = { reason: 'asked for', since: '2026-03-01T10:00:00Z', sample: null };
    fleets[30] = fleetOf('late', { ready: 1, starting: 2 });
    fleets[31] = fleetOf('stuck', { ready: 1, held });
    await place.supervise(fleets);
    const { stdout } = await place.fleetctl('status');
    expect(stdout.split('\n').slice(3)).toEqual([
      expect.stringMatching(/^FLEET .* WHY$/),
      expect.stringMatching(/^stuck +3 +3 +1 .* held: asked for$/),
      expect.stringMatching(/^late +3 +3 +1 +2 /),
      '60 others: all 180 agents ready (--all shows each)',
      '',
    ]);
    const all = (await place.fleetctl('status', '--all')).stdout;
    for (const { name } of fleets) expect(all).toMatch(new RegExp(`^${name} `, 'm'));
    expect(JSON.parse((await place.fleetctl('status', '--json')).stdout).fleets).toHaveLength(62);
    const one = (await place.fleetctl('status', '--fleet', 'stuck')).stdout;
    expect(one).toContain('fleetctl resume --fleet stuck ends the hold.');
  });

  test.skipIf(!existsSync('/usr/bin/script'))('shows as many as the terminal has room for', async () => {
    const place = new Place();
    await place.supervise(Array.from({ length: 62 }, (_, i) => fleetOf(`f${i}`, { ready: 2, failed: 1 })));
    const { stdout } = await place.onTerminal('status', ';', 'stty', 'size');
    const rows = Number(/(\d+) \d+\s*$/.exec(stdout)?.[1]);
    expect(stdout.match(/^\S*f\d+ /gm)).toHaveLength(rows === 0 ? 20 : Math.max(5, rows - 7));
  });

  test('without fleets says how to begin', async () => {
    const place = new Place();
    await place.supervise([]);
    expect((await place.fleetctl('status')).stdout).toContain('fleetctl init');
  });
});

describe('ps', () => {
  test('sorts by fleet and slot as numbers', async () => {
    const place = new Place();
    const agents = [agent('web', 10), agent('web', 9), agent('db', 11)];
    await place.supervise([fleetOf('web')], { 'GET /v1/agents': json({ agents }) });
    const { stdout } = await place.fleetctl('ps', '--json');
    expect(JSON.parse(stdout)).toEqual({ agents: [agents[2], agents[1], agents[0]] });
    await place.fleetctl('ps', '--fleet', 'web');
    expect(place.seen.map(({ query }) => query)).toEqual([{}, { fleet: 'web' }]);
  });

  test('shows a table without control characters', async () => {
    const place = new Place();
    const lastExit = { code: 1, signal: null, reason: `exit 1${ESCAPE}`, at: '2026-03-01T10:00:00Z' };
    await place.supervise([], { 'GET /v1/agents': json({ agents: [agent('web', 7, { lastExit })] }) });
    const { stdout } = await place.fleetctl('ps');
    expect(stdout).toMatch(/^FLEET {2}SLOT {2}STATE .*\nweb {7}7 {2}backoff .*exit 1/);
    expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  });
});

describe('events', () => {
  test('prints the last hundred, one a line; with --json as JSON lines', async () => {
    const place = new Place();
    await place.supervise([], { 'GET /v1/events': lines(event(1), event(2, `because${ESCAPE}`)) });
    const plain = await place.fleetctl('events');
    expect(plain.stdout).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}web 3-5 {2}kill {2}asked for\n.*because.*\n$/,
    );
    expect(plain.stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    const ndjson = await place.fleetctl('events', '--json', '--limit', '7', '--fleet', 'web');
    expect(
      ndjson.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).seq),
    ).toEqual([1, 2]);
    expect(ndjson.stdout).not.toContain('\u009b');
    expect(place.seen.map(({ query }) => query)).toEqual([{ limit: '100' }, { limit: '7', fleet: 'web' }]);
  });

  test('-f goes on after the last event seen when the supervisor is restarted', async () => {
    const place = new Place();
    await place.supervise([], {
      'GET /v1/events': ({ query }, response) => {
        response.write(`${JSON.stringify(event(query.after ? 9 : 8))}\n`);
        if (!query.after) setTimeout(() => response.destroy(), 50);
      },
    });
    const { child, ended } = place.start(['events', '-f', '--json']);
    await expect
      .poll(() => place.seen.at(-1)?.query, { timeout: 5000 })
      .toEqual({ after: '8', follow: 'true' });
    await new Promise((resolve) => setTimeout(resolve, 200));
    child.kill('SIGINT');
    expect(
      (await ended).stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).seq),
    ).toEqual([8, 9]);
  });
});

describe('logs', () => {
  const output = Buffer.from(`one\xff\n\x1b[31mtwo\n`, 'latin1');
  const SPEC: Record<string, Answer> = {
    'GET /v1/fleets/web': json({ spec: { logs: { stderr: 'same' } }, baseDir: '/' }),
  };
  /** Answers with what two slots wrote, the second one to two logs, of which the order is known for two lines. */
  const many: Answer = (_, response) => {
    const from = '2026-11-29T10:00:00.000Z';
    const until = '2026-11-29T10:00:42.000Z';
    const texts = [
      { slot: 7, from, until, stdout: 'seven\n\x1b[31mred\nno end', stderr: null },
      { slot: 10, from, until, stdout: 'a\n', stderr: 'b\n' },
      {
        slot: 10,
        from: until,
        until: null,
        stdout: `2026-11-29T10:01:02Z late\n`,
        stderr: `2026-11-29T10:01:01Z early\n`,
      },
    ];
    response.end(texts.map((each) => `${JSON.stringify(each)}\n`).join(''));
  };

  test('passes bytes unchanged into a pipe', async () => {
    const place = new Place();
    await place.supervise([fleetOf('web')], {
      ...SPEC,
      'GET /v1/fleets/web/slots/7/log': (_, response) => response.end(output),
    });
    const { child, ended } = place.start(['logs', '7']);
    const chunks: Buffer[] = [];
    child.stdout!.on('data', (chunk) => chunks.push(chunk));
    expect((await ended).code).toBe(0);
    expect(Buffer.concat(chunks)).toEqual(output);
    expect(place.seen.at(-1)?.query).toEqual({ lines: '100' });
  });

  test('with --json gives a line each with its fleet, slot and stream', async () => {
    const place = new Place();
    await place.supervise([fleetOf('web')], { 'GET /v1/fleets/web/logs': many });
    const { stdout } = await place.fleetctl('logs', '7', '--json', '--lines', '2', '-f');
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
        .slice(0, 4),
    ).toEqual([
      { fleet: 'web', slot: 7, stream: null, line: 'seven' },
      { fleet: 'web', slot: 7, stream: null, line: '\x1b[31mred' },
      { fleet: 'web', slot: 7, stream: null, line: 'no end' },
      { fleet: 'web', slot: 10, stream: 'stdout', line: 'a' },
    ]);
    expect(place.seen.at(-1)?.query).toEqual({ slots: '7', lines: '2', follow: 'true' });
  });

  test('of many slots has the slot before each line, and says where the order is unknown', async () => {
    const place = new Place();
    await place.supervise([fleetOf('web')], { 'GET /v1/fleets/web/logs': many });
    const { stdout, stderr } = await place.fleetctl('logs', '--slots', '7-10');
    expect(stdout).toBe(
      [
        ' 7 | seven',
        ' 7 | \x1b[31mred',
        ' 7 | no end',
        '10 | a',
        '10 ! b',
        '10 ! 2026-11-29T10:01:01Z early',
        '10 | 2026-11-29T10:01:02Z late',
        '',
      ].join('\n'),
    );
    expect(stderr).toBe(
      'note: the order of stdout and stderr is known to within 42 s; within that, stdout comes first\n',
    );
    expect(place.seen.at(-1)?.query).toEqual({ slots: '7-10', lines: '10' });
  });

  test('shows only the lines that match, and asks for all', async () => {
    const place = new Place();
    await place.supervise([fleetOf('web')], { 'GET /v1/fleets/web/logs': many });
    const { stdout, stderr } = await place.fleetctl(
      'logs',
      '--all',
      '--grep',
      '^(?i:A|SEVEN)$',
      '--since',
      '1h',
    );
    expect({ stdout, stderr }).toEqual({ stdout: '7 | seven\n10 | a\n', stderr: '' });
    expect(place.seen.at(-1)?.query).toEqual({ lines: '100000', lastMs: '3600000' });
    const { code, stderr: refused } = await place.fleetctl('logs', '--all', '--grep', '(');
    expect(code).toBe(2);
    expect(refused).toContain('--grep: Invalid regular expression');
  });

  test('leaves out lines whose own time is too old, with those that follow them', async () => {
    const place = new Place();
    const now = new Date().toISOString();
    const stdout = `undated\n2026-01-01T00:00:00Z old\n  of it\n${now} new\n  of it\n`;
    await place.supervise([fleetOf('web')], {
      'GET /v1/fleets/web/logs': (_, response) =>
        response.end(JSON.stringify({ slot: 0, from: null, until: null, stdout, stderr: null })),
    });
    const ended = await place.fleetctl('logs', '0', '--since', '5m');
    expect(ended.stdout).toBe(`undated\n${now} new\n  of it\n`);
  });

  test.each([[[]], [['7', '--all']], [['--all', '--slots', '1']]])('%j is refused', async (args) => {
    const place = new Place();
    const { code, stderr } = await place.fleetctl('logs', ...args);
    expect(code).toBe(2);
    expect(stderr).toContain('logs takes exactly one of SLOT, --slots and --all');
  });

  test.skipIf(!existsSync('/usr/bin/script'))('on a terminal shows what would command it', async () => {
    const place = new Place();
    await place.supervise([fleetOf('web')], {
      ...SPEC,
      'GET /v1/fleets/web/slots/7/log': (_, response) => response.end(output),
    });
    const { stdout } = await place.onTerminal('logs', '7');
    expect(stdout).toContain('one\ufffd\r\n␛[31mtwo\r\n');
  });

  test('of an unknown slot ends as the supervisor says', async () => {
    const place = new Place();
    await place.supervise([fleetOf('web')], {
      ...SPEC,
      'GET /v1/fleets/web/slots/7/log': refuse('SLOT_UNKNOWN', 404),
    });
    const { code, stderr } = await place.fleetctl('logs', '7');
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'FLEET_SLOT_UNKNOWN: because of SLOT_UNKNOWN\n  the hint\n',
    });
  });
});

test('a reader that goes away ends a command without a stack trace', async () => {
  const place = new Place();
  await place.supervise([], {
    'GET /v1/events': (_, response) => {
      const timer = setInterval(() => response.write(`${JSON.stringify(event(1, 'x'.repeat(10_000)))}\n`), 5);
      response.on('close', () => clearInterval(timer));
    },
  });
  const { child, ended } = place.start(['events', '-f']);
  child.stdout!.once('data', () => child.stdout!.destroy());
  expect(await ended).toMatchObject({ code: 141, stderr: '' });
});
