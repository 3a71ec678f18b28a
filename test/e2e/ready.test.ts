import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AgentRow } from '../../src/api/agents.ts';
import { isRunning, until, World } from './harness.ts';

/** Out of the way of outgoing connections (net.ipv4.ip_local_port_range begins at 32768), and of other test files. */
const PORT_BASE = 25_000 + (process.pid % 1000) * 4;
const LIBC = new URL('../../src/host/sys/libc.ts', import.meta.url).href;

/**
 * A small daemon that does what its arguments say, each at once:
 *   tcp PORT · udp PORT · socket PATH · http PORT · say TEXT (to NOTIFY_SOCKET) · child (a child of its own that says it)
 * It then does what the file `order` in its directory says, line by line as lines come:
 *   close · status CODE · hang · drip · say TEXT
 */
const DAEMON = `
import { createSocket } from 'node:dgram';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
const [kind, argument, ...texts] = process.argv.slice(2);
let status = 500, mode = 'answer';
const servers = [];
const http = (connection) => {
  connection.on('error', () => {});
  connection.on('data', () => {
    if (mode === 'answer') connection.end('HTTP/1.1 ' + status + ' x\\r\\nContent-Length: 0\\r\\n\\r\\n');
    if (mode === 'drip') {
      connection.write('HTTP/1.1 200 OK\\r\\nX: ');
      setInterval(() => connection.write('x'), 300).unref();
    }
  });
};
const listen = (at, handler = () => {}) => servers.push(createServer(handler).listen(at));
if (kind === 'tcp') listen({ port: Number(argument), host: '127.0.0.1' });
if (kind === 'udp') servers.push(createSocket('udp4').bind(Number(argument), '127.0.0.1'));
if (kind === 'socket') listen({ path: argument });
if (kind === 'http') listen(/^[0-9]+$/.test(argument) ? { port: Number(argument), host: '127.0.0.1' } : { path: argument }, http);
const say = async (text) => {
  const { libc } = await import('${LIBC}');
  const address = Buffer.alloc(110);
  address.writeUInt16LE(1, 0);
  address.write(process.env.NOTIFY_SOCKET, 2);
  const fd = libc.socket(1, 2, 0);
  libc.connect(fd, address, 110);
  const data = Buffer.from(text);
  libc.write(fd, data, data.length);
};
if (kind === 'say') await say(argument.replaceAll(';', '\\n'));
if (kind === 'child') spawn(process.execPath, [process.argv[1], 'say', argument], { stdio: 'ignore' });
let done = 0;
setInterval(() => {
  const orders = existsSync('order') ? readFileSync('order', 'utf8').split('\\n').slice(0, -1) : [];
  for (const order of orders.slice(done)) {
    done++;
    const [word, ...rest] = order.split(' ');
    if (word === 'close') for (const server of servers) server.close();
    if (word === 'status') [mode, status] = ['answer', Number(rest[0])];
    if (word === 'hang' || word === 'drip') mode = word;
    if (word === 'say') say(rest.join(' ').replaceAll(';', '\\n'));
  }
}, 20);
`;

let world: World;
let daemon: string;
beforeEach(() => {
  world = new World();
  daemon = world.write('daemon.mjs', DAEMON);
});
afterEach(() => world.dispose());

/** A fleet of the daemon. `ready` and the arguments say what is checked; more keys may follow. */
function spec(ready: string | null, args: readonly string[], more = ''): string {
  const node = `"${process.execPath}", "--disable-warning=ExperimentalWarning"`;
  return world.write(
    'fleet.yaml',
    `name: web
command: [${node}, "${daemon}", ${args.map((arg) => JSON.stringify(arg)).join(', ')}]
ports: { base: ${PORT_BASE} }
rounds: { parallel: 10, delay: 0s }
restart: { backoff: { min: 10ms, max: 100ms }, storm: off }
${ready === null ? '' : `ready: ${ready}`}
${more}
`,
  );
}

/** An agent as ps shows it; undefined also while no supervisor answers yet. */
async function agent(slot = 0): Promise<AgentRow | undefined> {
  if (!(await world.isServed())) return undefined;
  return (await world.ps()).find((row) => row.slot === slot);
}
const state = async (slot = 0) => (await agent(slot))?.state;

/** Gives an order to an agent that runs. */
async function order(text: string, slot = 0): Promise<void> {
  const { dir } = (await agent(slot))!;
  writeFileSync(`${dir}/order`, `${text}\n`, { flag: 'a' });
}

/** What was said of every event of a type; nothing while no supervisor answers yet. */
async function reasons(type: string): Promise<string[]> {
  if (!(await world.isServed())) return [];
  return (await world.events()).filter((event) => event.type === type).map(({ reason }) => reason);
}

/** Spawns, and tells that it failed because the agent never got ready. */
async function neverReady(file: string): Promise<string[]> {
  const ended = await world.fleetctl('spawn', '1', '-f', file);
  expect(ended).toMatchObject({ code: 4 });
  expect((await world.ps())[0]?.state).not.toBe('ready');
  return reasons('stop');
}

describe('ready', () => {
  test.each([
    ['tcp', '{ tcp: true }', ['tcp', '{port}']],
    ['udp', '{ udp: true }', ['udp', '{port}']],
    ['socket', '{ socket: true }', ['socket', '{socket}']],
    ['notify', '{ notify: true }', ['say', 'STATUS=here;READY=1']],
    ['notify, said by a child of the agent', '{ notify: true }', ['child', 'READY=1']],
    ['the default for {port}, served by tcp', null, ['tcp', '{port}']],
    ['the default for {port}, served by udp', null, ['udp', '{port}']],
    ['the default for {socket}', null, ['socket', '{socket}']],
    ['exec', '{ exec: [test, -e, "{dir}/done"] }', ['exec', '{dir}']],
  ])('by %s', async (_, ready, args) => {
    const prepare = ready?.includes('exec') ? 'prepare: [touch, "{dir}/done"]' : '';
    await world.ok('spawn', '3', '-f', spec(ready, args, prepare));
    expect((await world.ps()).map((row) => row.state)).toEqual(['ready', 'ready', 'ready']);
  });

  test.each([
    ['tcp', '{ tcp: true, timeout: 1500ms }', ['udp', '{port}'], /port \d+ is not open/],
    ['udp', '{ udp: true, timeout: 1500ms }', ['tcp', '{port}'], /port \d+ is not open/],
    ['socket', '{ socket: true, timeout: 1500ms }', ['none'], /ENOENT/],
    ['http', '{ http: /health, timeout: 1500ms }', ['http', '{port}'], /GET \/health: 500/],
    ['exec', '{ exec: [sh, -c, "exit 3"], timeout: 1500ms }', ['none'], /exited 3/],
    ['notify', '{ notify: true, timeout: 1500ms }', ['say', 'STATUS=READY=1'], /READY=1/],
  ])(
    'not by another thing than %s, which counts as a failed start and says why',
    async (_, ready, args, reason) => {
      const stops = await neverReady(spec(ready, args));
      expect(stops.length).toBeGreaterThanOrEqual(3);
      for (const each of stops) expect(each).toMatch(reason);
      expect((await agent())?.lastExit?.reason).toMatch(/not ready/);
    },
  );

  test('by http once it answers with success, on its port or else on its socket', async () => {
    const going = world.fleetctl('spawn', '1', '-f', spec('{ http: /health }', ['http', '{port}']));
    await until(async () => (await state()) === 'starting');
    await order('status 204');
    expect((await going).code).toBe(0);
    await world.ok('kill', '--all');
    await world.ok('remove', '--purge');
    const file = spec('{ http: /health }', ['http', '{socket}']);
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^ports:.*\n/m, ''));
    const again = world.fleetctl('spawn', '1', '-f', file);
    await until(async () => (await state()) === 'starting');
    await order('status 200');
    expect((await again).code).toBe(0);
  });

  test('after a time, only if the agent still runs then', async () => {
    const file = world.write('a.yaml', 'name: a\ncommand: [sleep, "100000"]\nready: { after: 300ms }\n');
    await world.ok('spawn', '1', '-f', file);
    const [row] = await world.ps();
    const [ready] = (await world.events()).filter(({ type }) => type === 'ready');
    expect(Date.parse(ready!.at) - Date.parse(row!.startedAt!)).toBeGreaterThanOrEqual(290);
    const brief = world.write(
      'b.yaml',
      'name: b\ncommand: [sleep, "0.1"]\nready: { after: 5s }\nrestart: { backoff: { min: 1ms, max: 1ms } }\n',
    );
    expect((await world.fleetctl('spawn', '1', '-f', brief)).code).toBe(4);
  });

  test('only if the listener is the agent: a stranger on its port at a restart is named', async () => {
    // An agent that stays up without its port, as many do.
    await world.ok('spawn', '1', '-f', spec('{ tcp: true, timeout: 2s }', ['tcp', '{port}']));
    const { pid } = (await agent())!;
    await order('close');
    const stranger = createServer();
    await until(
      () =>
        new Promise<boolean>((resolve) => {
          stranger.removeAllListeners().once('error', () => resolve(false));
          stranger.listen(PORT_BASE, '127.0.0.1', () => resolve(true));
        }),
    );
    try {
      const file = spec('{ tcp: true, timeout: 2s }', ['none']);
      const accepted = await world.fleetctl('spawn', '1', '-f', file, '--timeout', '1s');
      expect(accepted.code).not.toBe(2);
      await world.fleetctl('restart', '--latest', '--timeout', '1s');
      await until(async () =>
        (await reasons('stop')).some((reason) => reason.includes(`pid ${process.pid} (`)),
      );
      expect(await state()).not.toBe('ready');
      expect((await agent())?.pid).not.toBe(pid);
    } finally {
      await new Promise((resolve) => stranger.close(resolve));
    }
  });

  test('only if the socket is the agent’s: a link to somebody else’s proves nothing, and is not followed', async () => {
    let asked = 0;
    const stranger = createServer(() => asked++);
    await new Promise<void>((resolve) => stranger.listen(`${world.root}/stranger`, resolve));
    try {
      const file = world.write(
        'l.yaml',
        `name: l\ncommand: [sh, -c, "ln -s ${world.root}/stranger {socket}; exec sleep 100000"]\nready: { socket: true, timeout: 1s }\n`,
      );
      const going = world.fleetctl('spawn', '1', '-f', file, '--timeout', '5s');
      await until(async () => (await reasons('stop')).some((reason) => reason.includes('connect: ELOOP')));
      expect(await state()).not.toBe('ready');
      expect((await going).code).toBe(4);
      expect(asked).toBe(0);
    } finally {
      await new Promise((resolve) => stranger.close(resolve));
    }
  });

  test('not because somebody else said so', async () => {
    const going = world.fleetctl('spawn', '1', '-f', spec('{ notify: true, timeout: 60s }', ['none']));
    await until(async () => (await state()) === 'starting');
    const { libc } = await import('../../src/host/sys/libc.ts');
    const address = Buffer.alloc(110);
    address.writeUInt16LE(1, 0);
    address.write(`${world.runtimeDir}/notify.sock`, 2);
    const fd = libc.socket(1, 2, 0);
    expect(libc.connect(fd, address, 110)).toBe(0);
    const text = Buffer.from('READY=1');
    for (let i = 0; i < 10; i++) libc.write(fd, text, text.length);
    libc.close(fd);
    // What was said in vain comes before what counts: the socket keeps the order.
    await order('say STATUS=waiting');
    await world.ok('status');
    expect(await state()).toBe('starting');
    await order('say READY=1');
    expect((await going).code).toBe(0);
  });

  test('also when many say so in the moment of their start', async () => {
    if (!existsSync('/usr/bin/perl')) return; // Faster than Node by an order of magnitude, and on every Debian.
    const say = [
      'use Socket; socket(S, PF_UNIX, SOCK_DGRAM, 0);',
      'send(S, "READY=1", 0, sockaddr_un($ENV{{NOTIFY_SOCKET}})); sleep 100000',
    ].join(' ');
    const file = world.write(
      'fast.yaml',
      `name: fast\ncommand: [perl, -e, '${say}']\nready: { notify: true, timeout: 20s }\nrounds: { parallel: 100, delay: 0s }\n`,
    );
    await world.ok('spawn', '100', '-f', file);
    expect(await reasons('stop')).toEqual([]);
  });
});

describe('health', () => {
  const HEALTH = 'health: { every: 300ms, failures: 4 }\nstop: { grace: 1s }';

  /** Whether a slot was seen as unready, and then was restarted, for this reason. */
  async function restarted(pid: number, reason: RegExp): Promise<void> {
    await until(async () => (await state()) === 'unready');
    expect((await agent())?.pid).toBe(pid);
    await until(async () => (await agent())?.pid !== pid && (await agent())?.pid != null);
    expect((await reasons('unhealthy'))[0]).toMatch(reason);
    expect((await agent())?.restarts).toBe(1);
    expect(isRunning(pid)).toBe(false);
  }

  test.each([
    ['tcp', '{ tcp: true }', ['tcp', '{port}'], 'close', /port \d+ is not open/],
    ['udp', '{ udp: true }', ['udp', '{port}'], 'close', /port \d+ is not open/],
    ['socket', '{ socket: true }', ['socket', '{socket}'], 'close', /ENOENT|ECONNREFUSED/],
    ['notify', '{ notify: true }', ['say', 'READY=1'], 'nothing', /no WATCHDOG=1/],
  ])(
    'an agent that no longer serves is unready, and restarted after so many failures: %s',
    async (_, ready, args, change, reason) => {
      await world.ok('spawn', '1', '-f', spec(ready, args, HEALTH));
      const { pid } = (await agent())!;
      await order(change);
      await restarted(pid!, reason);
    },
  );

  /** Listens at an address as soon as that is free. */
  async function listenWhenFree(
    server: Server,
    options: { host: string; ipv6Only?: boolean },
  ): Promise<void> {
    const attempt = () =>
      new Promise<boolean>((resolve) => {
        server.removeAllListeners('error').once('error', () => resolve(false));
        server.listen({ port: PORT_BASE, ...options }, () => resolve(true));
      });
    await until(attempt);
  }

  test('an agent that listens at another address of loopback is ready, whoever has its port elsewhere', async () => {
    const command = ['busybox', 'httpd', '-f', '-p', '127.0.0.5:{port}'];
    const fleet = { name: 'web', command, ports: { base: PORT_BASE }, ready: { tcp: true } };
    await world.ok('spawn', '1', '-f', world.write('fleet.json', JSON.stringify(fleet)));
    const stranger = createServer();
    await listenWhenFree(stranger, { host: '127.0.0.1' });
    try {
      await world.ok('restart');
    } finally {
      stranger.close();
    }
  });

  describe('a stranger on the agent’s port', () => {
    let asked = 0;
    let stranger: Server;
    beforeEach(() => {
      asked = 0;
      stranger = createHttpServer((_request, response) => {
        asked++;
        response.end();
      });
    });
    afterEach(() => new Promise((resolve) => stranger.close(resolve)));

    /** Starts the one agent of a fleet, and waits until it serves and is ready. */
    async function serve(kind: 'tcp' | 'http'): Promise<void> {
      const ready = kind === 'http' ? '{ http: /health }' : '{ tcp: true }';
      const spawned = world.fleetctl('spawn', '1', '-f', spec(ready, [kind, '{port}'], HEALTH));
      await until(async () => (await state()) !== undefined);
      await order('status 200');
      expect((await spawned).code).toBe(0);
    }

    test.each(['tcp', 'http'] as const)('beside the agent, by the other address family: %s', async (kind) => {
      await serve(kind);
      await listenWhenFree(stranger, { host: '::', ipv6Only: true });
      await until(async () => (await reasons('unhealthy')).length > 0);
      expect((await reasons('unhealthy'))[0]).toContain(`also held by pid ${process.pid} (`);
    });

    test.each(['tcp', 'http'] as const)('in its place: %s; it is named, and not asked', async (kind) => {
      await serve(kind);
      await order('close');
      await listenWhenFree(stranger, { host: '127.0.0.1' });
      const isNamed = (reason: string) => reason.includes(`held by pid ${process.pid} (`);
      await until(async () => [...(await reasons('unhealthy')), ...(await reasons('stop'))].some(isNamed));
      expect(asked).toBe(0);
    });
  });

  test('an agent that says WATCHDOG=1 in time stays', async () => {
    await world.ok(
      'spawn',
      '1',
      '-f',
      spec('{ notify: true }', ['say', 'READY=1'], 'health: { every: 2s, failures: 1 }'),
    );
    const { pid } = (await agent())!;
    const until8s = Date.now() + 8_000;
    await until(async () => {
      await order('say WATCHDOG=1');
      expect((await agent())?.pid).toBe(pid);
      return Date.now() > until8s;
    });
    expect(await reasons('unhealthy')).toEqual([]);
  });

  test('http: one that answers 500 for a while is unready meanwhile, and healthy again without a restart', async () => {
    const going = world.fleetctl(
      'spawn',
      '1',
      '-f',
      spec('{ http: / }', ['http', '{port}'], HEALTH.replace('failures: 4', 'failures: 1000')),
    );
    await until(async () => (await state()) === 'starting');
    await order('status 200');
    expect((await going).code).toBe(0);
    const { pid } = (await agent())!;
    await order('status 500');
    await until(async () => (await state()) === 'unready');
    const { stdout } = await world.ok('status', '--json');
    expect(JSON.parse(stdout).fleets[0]).toMatchObject({ ready: 0, running: 1 });
    await order('status 200');
    await until(async () => (await state()) === 'ready');
    expect((await agent())?.pid).toBe(pid);
    expect(await reasons('healthy')).toEqual(['healthy again']);
  });

  test.each(['hang', 'drip'])(
    'http: one that begins to %s is found out, and holds up no other',
    async (mode) => {
      const going = world.fleetctl(
        'spawn',
        '2',
        '-f',
        spec('{ http: / }', ['http', '{port}'], HEALTH.replace('failures: 4', 'failures: 2')),
      );
      for (const slot of [0, 1]) {
        await until(async () => (await state(slot)) === 'starting');
        await order('status 200', slot);
      }
      expect((await going).code).toBe(0);
      const { pid } = (await agent())!;
      await order(mode);
      await until(async () => (await agent())?.pid !== pid, 60_000, 'the silent one is restarted');
      await order('status 500', 1);
      await until(async () => (await state(1)) !== 'ready', 60_000, 'the other one is still checked');
    },
  );

  test('exec: repeated in the agent’s world, and its failure counts', async () => {
    const file = spec('{ exec: [test, "!", -e, "{dir}/sick"] }', ['none'], HEALTH);
    await world.ok('spawn', '1', '-f', file);
    const { pid, dir } = (await agent())!;
    writeFileSync(`${dir}/sick`, '');
    await restarted(pid!, /exited 1/);
  });

  test('exec: as often as the spec says', async () => {
    const file = spec('{ exec: [sh, -c, "echo >> {dir}/checks"] }', ['none'], 'health: { every: 500ms }');
    await world.ok('spawn', '1', '-f', file);
    const { dir } = (await agent())!;
    // Four times as long as it should take.
    await until(() => readFileSync(`${dir}/checks`, 'utf8').length > 8, 16_000, 'eight checks');
  });

  test('goes on under the next supervisor', async () => {
    await world.ok('spawn', '1', '-f', spec('{ tcp: true }', ['tcp', '{port}'], HEALTH));
    const { pid } = (await agent())!;
    await world.killSupervisor();
    await world.ok('spawn', '1');
    expect((await agent())?.pid).toBe(pid);
    await order('close');
    await until(async () => (await agent())?.pid !== pid);
  });
});
