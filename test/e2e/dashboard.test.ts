import { get, type IncomingMessage, request } from 'node:http';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CELL_STATES, type Cell, type HistoryDocument, type Update } from '../../src/api/dashboard.ts';
import { until, World } from './harness.ts';

const PORT = 23_940;
const SPEC = { name: 'web', command: ['sleep', '100000'], ready: { after: '1ms' }, rounds: { delay: '0s' } };

let world: World;
const cleanups: (() => unknown)[] = [];
beforeEach(async () => {
  world = new World();
  await world.ok('spawn', '5', '-f', world.write('fleet.json', JSON.stringify(SPEC)));
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
  await world.dispose();
});

async function turnOn(port = PORT): Promise<URL> {
  const { stdout } = await world.ok('dashboard', '--port', String(port), '--json');
  return new URL((JSON.parse(stdout) as { url: string }).url);
}

/** The same place with another path, token included. */
function at(url: URL, path: string): URL {
  const other = new URL(path, url);
  other.search = new URLSearchParams([...other.searchParams, ...url.searchParams]).toString();
  return other;
}

function statusOf(
  url: URL,
  headers: Record<string, string> = {},
  method = 'GET',
  path?: string,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers, method, agent: false, ...(path && { path }) }, (answer) => {
      answer.destroy();
      resolve(answer.statusCode!);
    });
    asked.on('error', reject).end();
  });
}

/** One browser's stream, as it comes. */
class Stream {
  readonly updates: (Update & { id: string })[] = [];
  readonly #answer: IncomingMessage;

  private constructor(answer: IncomingMessage) {
    this.#answer = answer;
    cleanups.push(() => this.close());
    let text = '';
    answer.setEncoding('utf8').on('data', (chunk: string) => {
      const blocks = (text + chunk).split('\n\n');
      text = blocks.pop()!;
      for (const block of blocks) {
        const found = /^id: (?<id>.*)\ndata: (?<data>.*)$/.exec(block);
        if (found) this.updates.push({ id: found.groups!.id!, ...JSON.parse(found.groups!.data!) });
      }
    });
    answer.on('error', () => {});
  }

  static open(url: URL, lastId?: string): Promise<Stream> {
    const headers = lastId === undefined ? {} : { 'last-event-id': lastId };
    return new Promise((resolve, reject) => {
      get(at(url, '/stream'), { headers, agent: false }, (answer) => resolve(new Stream(answer))).on(
        'error',
        reject,
      );
    });
  }

  /** The slots that there are, by all that was told. */
  get slots(): number[] {
    const states = new Map(this.cells.map(([slot, state]) => [slot, state]));
    return [...states.keys()].filter((slot) => states.get(slot)! >= 0).sort();
  }

  close(): void {
    this.#answer.destroy();
  }

  /** Every cell that was told, in order. */
  get cells(): Cell[] {
    return this.updates.flatMap(({ fleets }) => fleets.flatMap(({ cells = [] }) => cells));
  }
}

describe('fleetctl dashboard', () => {
  test('answers nobody without the token, nor another host’s name, another page, or a change', async () => {
    const url = await turnOn();
    const bare = new URL(url.origin);
    for (const path of ['/', '/stream', '/dashboard/main.ts', '/agent?fleet=web&slot=0', '/nothing'])
      expect(await statusOf(new URL(path, bare)), path).toBe(401);
    expect(await statusOf(bare, {}, 'POST')).toBe(401);
    expect(await statusOf(bare, {}, 'GET', '//')).toBe(401);
    expect(await statusOf(url)).toBe(200);
    expect(await statusOf(url, { host: 'evil.example' })).toBe(403);
    expect(await statusOf(url, { origin: 'http://evil.example' })).toBe(403);
    expect(await statusOf(at(url, '/v1/fleets/web/kill'), {}, 'POST')).toBe(405);
    expect(await statusOf(at(url, '/v1/status'))).toBe(404);
    for (const path of [
      '/dashboard/../daemon/api.ts',
      '/dashboard/%2e%2e/daemon/api.ts',
      '/dashboard/tsconfig.json',
    ])
      expect(await statusOf(at(url, path)), path).toBe(404);
    expect((await world.fleet()).ready).toBe(5);
  });

  test('serves a page that is whole: every file that it asks for is there, with its type', async () => {
    const url = await turnOn();
    const seen = new Map<string, string>();
    const crawl = async (path: string): Promise<void> => {
      if (seen.has(path)) return;
      const answer = await fetch(new URL(path, url));
      const text = await answer.text();
      seen.set(path, `${answer.status} ${answer.headers.get('content-type')}`);
      expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
      const found = [
        ...text.matchAll(/(?:href|src)="([^"]+)"|^(?:import|export)\b[^'"]*?from\s*'([^']+)'/gm),
      ];
      for (const [, link, module] of found) await crawl(new URL(link ?? module!, new URL(path, url)).href);
    };
    await crawl(url.href);
    const kinds = [...seen].map(([path, kind]) => [new URL(path).pathname, kind]);
    expect(kinds.length).toBeGreaterThan(15);
    expect(kinds.filter(([, kind]) => !/^200 (text\/(html|css|javascript)|image\/svg)/.test(kind!))).toEqual(
      [],
    );
  });

  test('is where it was under the next supervisor; off makes its token void', async () => {
    const url = await turnOn();
    await world.killSupervisor();
    await world.ok('spawn', '5', '--fleet', 'web');
    expect(await statusOf(url)).toBe(200);
    expect((await world.ok('dashboard')).stdout.trim()).toBe(url.href);
    await world.ok('dashboard', '--off');
    await expect(statusOf(url)).rejects.toThrow('ECONNREFUSED');
    const next = await turnOn();
    expect(next.port).toBe(url.port);
    expect(await statusOf(url)).toBe(401);
    const events = await world.events();
    expect(JSON.stringify(events)).not.toContain(next.searchParams.get('token'));
  });

  test('refuses a port that is taken, and stays where it was', async () => {
    const url = await turnOn();
    const server = createServer().listen(PORT + 1, '127.0.0.1');
    cleanups.push(() => server.close());
    await until(() => server.listening);
    const refused = await world.fleetctl('dashboard', '--port', String(PORT + 1));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('EADDRINUSE');
    expect(await statusOf(url)).toBe(200);
  });

  test('tells an agent’s details, and refuses what there is not', async () => {
    const url = await turnOn();
    const [first] = await world.ps();
    const agent = await (await fetch(at(url, '/agent?fleet=web&slot=0'))).json();
    expect(agent).toMatchObject({ state: 'ready', agent: { pid: first!.pid, slot: 0 }, dueInMs: null });
    for (const path of [
      '/agent?fleet=web&slot=9',
      '/agent?fleet=web&slot=x',
      '/agent?fleet=x&slot=0',
      '/history?fleet=x',
    ])
      expect(await statusOf(at(url, path)), path).toBe(404);
    const history = (await (await fetch(at(url, '/history?fleet=web'))).json()) as HistoryDocument;
    expect(history).toMatchObject({ at: expect.any(Array) });
    // The memory of the host was read before anybody has opened the page.
    expect(history.host.at.length).toBeGreaterThan(0);
    expect(history.host.usedShare.every((share) => share > 0 && share < 1)).toBe(true);
  });
});

describe('the stream of the dashboard', () => {
  test('tells everything once, and then only the cells that change', async () => {
    const stream = await Stream.open(await turnOn());
    await until(() => stream.updates.length > 0);
    expect(stream.updates[0]).toMatchObject({
      isWhole: true,
      fleets: [{ name: 'web', pulse: { ready: 5 } }],
    });
    expect(stream.cells).toHaveLength(5);
    process.kill((await world.ps())[2]!.pid!, 'SIGKILL');
    await until(() => stream.cells.length > 5 && stream.cells.at(-1)?.[4] === 1);
    expect(new Set(stream.cells.slice(5).map(([slot]) => slot))).toEqual(new Set([2]));
    await world.ok('kill', '1');
    // The restart of slot 2 may come after it.
    await until(() => stream.cells.some(([, state]) => state === -1));
    expect(stream.slots).toEqual([0, 1, 2, 3]);
  });

  test('goes on where a browser was cut off, and tells everything to one that it does not know', async () => {
    const url = await turnOn();
    const first = await Stream.open(url);
    await until(() => first.updates.length > 0);
    const { id } = first.updates.at(-1)!;
    first.close();
    await world.ok('kill', '--slots', '3');
    const [again, stranger] = [await Stream.open(url, id), await Stream.open(url, 'x.17')];
    await until(() => again.cells.at(-1)?.[1] === -1 && stranger.updates.length > 0);
    expect(again.updates.some(({ isWhole }) => isWhole)).toBe(false);
    expect(again.cells.every(([slot]) => slot === 3)).toBe(true);
    expect(stranger.updates[0]?.isWhole).toBe(true);
    await until(() => stranger.slots.join() === '0,1,2,4');
  });

  test('follows fleets that come and go', async () => {
    const stream = await Stream.open(await turnOn());
    await world.ok('spawn', '2', '--name', 'other', '--ready', 'after:1ms', '--', 'sleep', '100000');
    const of = (name: string) =>
      stream.updates.flatMap(({ fleets }) => fleets.filter((fleet) => fleet.name === name));
    await until(() => of('other').at(-1)?.pulse?.ready === 2);
    await world.ok('kill', '--all', '--fleet', 'other');
    await world.ok('remove', '--fleet', 'other');
    await until(() => stream.updates.some(({ gone }) => gone.includes('other')));
  });

  test('counts what its cells show, also of agents that wait for a hold after their pause', async () => {
    const failing = {
      ...SPEC,
      command: ['sh', '-c', 'exit 3'],
      restart: { backoff: { min: '1s', max: '1s' }, storm: 'off' },
    };
    const file = world.write('failing.json', JSON.stringify({ ...failing, name: 'failing' }));
    await world.fleetctl('spawn', '6', '-f', file, '--timeout', '1s');
    await world.ok('hold', '--fleet', 'failing');
    const stream = await Stream.open(await turnOn());
    const BACKOFF = CELL_STATES.indexOf('backoff');
    const told = () =>
      stream.updates.flatMap(({ fleets }) => fleets.filter(({ name }) => name === 'failing'));
    await until(() => {
      const states = new Map(told().flatMap(({ cells = [] }) => cells.map(([slot, state]) => [slot, state])));
      const pulse = told()
        .flatMap((fleet) => fleet.pulse ?? [])
        .at(-1);
      const inBackoff = [...states.values()].filter((state) => state === BACKOFF).length;
      return pulse?.backoff === 6 && pulse.waiting === 0 && inBackoff === 6;
    });
  });

  test('is bounded: one browser too many is told so', async () => {
    const url = await turnOn();
    for (let i = 0; i < 16; i++) await Stream.open(url);
    expect(await statusOf(at(url, '/stream'))).toBe(503);
    expect(await statusOf(url)).toBe(200);
  });
});
