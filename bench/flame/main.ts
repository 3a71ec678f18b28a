import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { findProgram } from '../commands.ts';
import { askInspector } from '../inspector.ts';
import { flameGraph, type Profile } from './graph.ts';

/**
 * npm run bench:flame: draws where the supervisor's main thread spends its time while 1,000 agents start, while a
 * hundred of them are killed one by one, and while all stop. The pictures go to docs/images.
 */
const AGENTS = 1_000;
const EXITS = 100;
const PAUSE_MS = 60;
const SAMPLE_US = 150;
const PORT_BASE = 20_000;
const IMAGES = new URL('../../docs/images/', import.meta.url);
const bin = (name: string) => new URL(`../../bin/${name}`, import.meta.url).pathname;

const busybox = await findProgram('busybox');
if (busybox === null) throw new Error('no busybox here, whose httpd is the daemon: apt-get install busybox');
const directory = mkdtempSync(join(tmpdir(), 'flame-'));
const env = {
  ...process.env,
  FLEETD_STATE_DIR: join(directory, 's'),
  FLEETD_RUNTIME_DIR: join(directory, 'r'),
};
const fleetctl = (...words: string[]) =>
  execFileSync(bin('fleetctl'), words, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

const fleetd = spawn(bin('fleetd'), [], {
  env: { ...env, NODE_OPTIONS: '--inspect=127.0.0.1:0' },
  stdio: ['ignore', 'ignore', 'pipe'],
});
try {
  const profiler = await connect();
  while (!isServed()) await sleep(50);
  await draw('start', `Start of ${AGENTS} agents`, { count: AGENTS, what: 'agent' }, async () => {
    writeFileSync(join(directory, 'fleet.json'), JSON.stringify(spec(busybox)));
    fleetctl('spawn', '-f', join(directory, 'fleet.json'));
  });
  await sleep(5_000);
  const { agents } = JSON.parse(fleetctl('ps', '--json')) as { agents: { pid: number }[] };
  await draw(
    'exit',
    `${EXITS} agents killed one by one in a fleet of ${AGENTS}`,
    { count: EXITS, what: 'exit' },
    async () => {
      for (const { pid } of agents.slice(0, EXITS)) {
        process.kill(pid, 'SIGKILL');
        await sleep(PAUSE_MS);
      }
    },
  );
  await draw('stop', `Stop of ${AGENTS} agents`, { count: AGENTS, what: 'agent' }, async () => {
    fleetctl('kill', '--all');
  });

  async function draw(
    name: string,
    title: string,
    per: { count: number; what: string },
    work: () => Promise<void>,
  ) {
    process.stderr.write(`${title}\n`);
    await profiler('Profiler.start');
    await work();
    await sleep(500);
    const { profile } = (await profiler('Profiler.stop')) as { profile: Profile };
    mkdirSync(IMAGES, { recursive: true });
    writeFileSync(new URL(`flame-${name}.svg`, IMAGES), flameGraph(profile, title, per));
  }
} finally {
  try {
    fleetctl('shutdown', '--with-agents');
  } finally {
    fleetd.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}

function isServed(): boolean {
  try {
    fleetctl('status');
    return true;
  } catch {
    return false;
  }
}

function spec(path: string): object {
  return {
    name: 'flame',
    command: [path, 'httpd', '-f', '-p', '127.0.0.1:{port}'],
    target: AGENTS,
    ports: { base: PORT_BASE, protocol: 'tcp' },
    rounds: { parallel: AGENTS, delay: '0s' },
    ready: { tcp: true },
    restart: { backoff: { min: '1ms' }, storm: 'off' },
    stop: { grace: '30s', parallel: AGENTS },
    logs: { to: 'null' },
  };
}

/** Speaks to the supervisor's inspector (Chrome DevTools protocol). */
async function connect(): Promise<(method: string) => Promise<unknown>> {
  let url: string | undefined;
  for await (const line of createInterface(fleetd.stderr!)) {
    url = /ws:\S+/.exec(line)?.[0];
    if (url !== undefined) break;
  }
  if (url === undefined) throw new Error('fleetd ended before its inspector listened');
  fleetd.stderr!.resume();
  const socket = new WebSocket(url);
  await once(socket, 'open');
  let count = 0;
  const ask = (method: string, params: object = {}) => askInspector(socket, ++count, method, params);
  await ask('Profiler.enable');
  await ask('Profiler.setSamplingInterval', { interval: SAMPLE_US });
  return ask;
}
