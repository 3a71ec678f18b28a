import { createConnection } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReleasesDocument, RolloutDocument } from '../../src/api/rollout.ts';
import type { World } from './harness.ts';

/** Takes connections at its port after so long, and lives, as its environment says. */
export const AGENT = `
import os, signal, socket, sys, time
env = lambda name: float(os.environ.get(name, '0'))
print('release', os.environ.get('NAME'), 'in slot', os.environ['FLEET_SLOT'], flush=True)
if env('EXIT_AT_ONCE'): sys.exit('cannot read my configuration')
ballast = bytearray(int(env('BALLAST_BYTES')) or 1)
for i in range(0, len(ballast), 4096): ballast[i] = 1
time.sleep(env('READY_S'))
if env('NEVER_READY'): time.sleep(1000)
server = socket.create_server(('127.0.0.1', int(sys.argv[1])))
if env('CRASH_S'):
    time.sleep(env('CRASH_S'))
    os.kill(os.getpid(), signal.SIGSEGV)
while True:
    client, _ = server.accept()
    client.settimeout(60)
    try: client.recv(1)
    except OSError: pass
    client.close()
`;

/** A fleet of these agents. */
export function fleetOf(world: World, portBase: number, env: object, document: object = {}): string {
  const spec = {
    name: 'web',
    command: ['/usr/bin/python3', '-S', world.write('agent.py', AGENT), '{port}'],
    env: { NAME: 'good', ...env },
    ports: { base: portBase, protocol: 'tcp' },
    ready: { tcp: true, timeout: '3s' },
    rounds: { parallel: 10, delay: '0s' },
    restart: { backoff: { min: '100ms', max: '1s' } },
    stop: { grace: '2s' },
    update: { batch: 4, wait: '1500ms', maxFailed: '10%' },
    ...document,
  };
  return world.write(`fleet-${JSON.stringify(env).length}.json`, JSON.stringify(spec));
}

/** What `fleetctl rollout status --json` says. */
export async function rollout(world: World): Promise<RolloutDocument> {
  return JSON.parse((await world.ok('rollout', 'status', '--json')).stdout) as RolloutDocument;
}

export async function releases(world: World): Promise<ReleasesDocument['releases']> {
  return (JSON.parse((await world.ok('releases', '--json')).stdout) as ReleasesDocument).releases;
}

/** Whether anybody takes a connection at a port. */
export function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    const end = (found: boolean) => {
      // A reset leaves no TIME_WAIT behind, which in their thousands would slow down every look at the kernel's tables.
      socket.resetAndDestroy();
      resolve(found);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

/** Looks at all ports again and again until told to stop. @returns the most that were without an answer at once */
export function watchPorts(ports: readonly number[]): { stop: () => Promise<number> } {
  let isWatching = true;
  const watching = (async () => {
    let most = 0;
    while (isWatching) {
      const up = await Promise.all(ports.map(answers));
      most = Math.max(most, up.filter((found) => !found).length);
      await sleep(10);
    }
    return most;
  })();
  return {
    stop: () => {
      isWatching = false;
      return watching;
    },
  };
}

/** What a redis at a port answers to a command: the lines of its reply. */
export async function ask(port: number, command: string): Promise<string> {
  const socket = createConnection({ port, host: '127.0.0.1' });
  socket.write(`${command}\r\nQUIT\r\n`);
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  return answer.replace(/\r\n\+OK\r\n$/, '');
}
