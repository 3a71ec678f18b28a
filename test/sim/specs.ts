import type { Random } from './random.ts';

/** Slots of a fleet, at most. */
export const SLOTS_MAX = 6;

/** The program of a fleet's agents, as its user has built it. */
export const programOf = (fleet: string): string => `/opt/fleet/${fleet}-agent`;

/** A spec document; `env.V` makes one release or another of it. */
export type Document = Record<string, unknown> & { env: { V: string } };

const READY = [
  { after: '1s' },
  { notify: true },
  { socket: true },
  { tcp: true },
  { exec: ['/bin/true', 'check'] },
] as const;

/** A spec of a fleet of this name, as a user might write it. */
export function documentOf(random: Random, name: string): Document {
  const hasPorts = random.chance(0.5);
  const ready = random.pick(hasPorts ? READY : READY.filter((kind) => !('tcp' in kind)));
  return {
    name,
    command: commandOf(name, hasPorts),
    ...(random.chance(0.3) && { binary: programOf(name) }),
    env: { V: `v${random.below(5)}` },
    ...(hasPorts && { ports: portsOf(name, random.pick([20_000, 30_000])) }),
    ...(name === 'g' && { addresses: { base: '127.16.0.0/16' }, sandbox: {} }),
    ...(random.chance(0.3) && { prepare: ['/bin/true', 'prepare'], prepareTimeout: '5s' }),
    ...(random.chance(0.2) && { start: { before: ['/bin/true', 'before'], timeout: '3s' } }),
    rounds: { parallel: 1 + random.below(4), delay: random.pick(['0s', '500ms', '2s']) },
    ready: { ...ready, timeout: '5s' },
    ...(random.chance(0.25) && { health: { every: '2s', failures: 2 } }),
    restart: {
      on: random.pick(['always', 'always', 'always', 'on-failure']),
      settle: random.pick(['10s', '1s']),
      ...(random.chance(0.1) && { maxAge: { after: '40s' } }),
      backoff: { min: '1s', max: '20s' },
      storm: random.chance(0.7) ? { failures: '40%', within: '20s' } : 'off',
    },
    stop: {
      signal: 'SIGTERM',
      grace: '4s',
      parallel: 1 + random.below(4),
      to: random.pick(['main', 'main', 'all']),
      ...(random.chance(0.2) && { command: ['/bin/true', 'drain'] }),
    },
    // Not drawn: the seeds of earlier runs keep their meaning.
    reload: hasPorts ? { exec: ['/bin/true', 'reload'] } : { signal: 'SIGHUP' },
    ...(hasPorts && { alerts: { http: 'http://127.0.0.1/alerts' } }),
    ...(random.chance(0.15) && { pressure: { available: '20%' } }),
    update: {
      batch: random.pick([1, 2, '50%', '100%']),
      wait: random.pick(['0s', '2s']),
      canary: random.below(2),
      maxFailed: random.pick([0, 1, '50%']),
      rollback: random.chance(0.8),
      healthyDeadline: '20s',
      keep: random.pick([1, 2, 5]),
    },
    logs: random.chance(0.5) ? { to: 'file', maxSize: '1M' } : { to: 'null' },
  };
}

/** The same fleet with some of its spec changed, its release more often than not. */
export function changed(random: Random, document: Document): Document {
  const other = documentOf(random, document.name as string);
  const keys = random.some([
    'rounds',
    'ready',
    'restart',
    'stop',
    'update',
    'prepare',
    'start',
    'health',
    'ports',
    'binary',
    'logs',
  ]);
  const taken = random.chance(0.3) ? Object.fromEntries(keys.map((key) => [key, other[key]])) : {};
  const result: Document = { ...document, ...taken, env: random.chance(0.8) ? other.env : document.env };
  for (const [key, value] of Object.entries(result)) if (value === undefined) delete result[key];
  const hasPorts = result.ports !== undefined;
  const ready =
    hasPorts || !('tcp' in (result.ready as object)) ? result.ready : { socket: true, timeout: '5s' };
  return { ...result, ready, command: commandOf(document.name as string, hasPorts) };
}

/** The agents of fleet g all serve one port, each at its own address. */
function portsOf(name: string, base: number): object {
  return name === 'g' ? { same: base + 1_000, protocol: 'tcp' } : { base, protocol: 'tcp' };
}

function commandOf(name: string, hasPorts: boolean): string[] {
  return [programOf(name), '{slot}', ...(hasPorts ? ['{port}'] : [])];
}
