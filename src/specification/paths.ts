import { FleetError } from '../errors.ts';
import type { Ports } from './spec.ts';

/** sun_path has 108 bytes, its terminating NUL included: unix(7). */
export const SOCKET_PATH_BYTES_MAX = 107;

/** Every path that fleetd uses. Durable ones below the state directory, the others below the runtime directory. */
export interface Paths {
  stateDir: string;
  /** Wanted state (SQLite). */
  database: string;
  /** Copy of the wanted state, for recovery and for people. */
  copy: string;
  /** What happened (SQLite). */
  events: string;
  /** Memory over time (SQLite). */
  samples: string;
  lock: string;
  /** Who this directory is, whatever path leads to it. */
  identity: string;
  /** The supervisor's own log. */
  ownLog: string;
  releases: string;
  release: (id: string) => string;
  /** What holds the directories of fleets. */
  fleets: string;
  /** What holds the slots' directories of a fleet. */
  fleetDir: (fleet: string) => string;
  slotDir: (fleet: string, slot: number) => string;
  /** What holds the logs of fleets. */
  logs: string;
  logDir: (fleet: string) => string;
  log: (fleet: string, slot: number) => string;
  runtimeDir: string;
  apiSocket: string;
  notifySocket: string;
  /** Pids (SQLite): they need not survive a reboot. */
  runDatabase: string;
  /** The supervisor's sign of life, for whoever finds that it does not answer. */
  heartbeat: string;
  slotRuntimeDir: (fleet: string, slot: number) => string;
  agentSocket: (fleet: string, slot: number) => string;
}

/** Takes the two directories (absolute, without a slash at the end); gives every path in them. */
export function pathsIn(stateDir: string, runtimeDir: string): Paths {
  const fleetDir = (fleet: string) => `${stateDir}/fleets/${fleet}`;
  const logDir = (fleet: string) => `${stateDir}/logs/${fleet}`;
  const slotRuntimeDir = (fleet: string, slot: number) => `${runtimeDir}/${fleet}/${slot}`;
  return {
    stateDir,
    database: `${stateDir}/fleetd.db`,
    copy: `${stateDir}/wanted.json`,
    events: `${stateDir}/events.db`,
    samples: `${stateDir}/samples.db`,
    lock: `${stateDir}/fleetd.lock`,
    identity: `${stateDir}/identity`,
    ownLog: `${stateDir}/fleetd.log`,
    releases: `${stateDir}/releases`,
    release: (id) => `${stateDir}/releases/${id}`,
    fleets: `${stateDir}/fleets`,
    fleetDir,
    slotDir: (fleet, slot) => `${fleetDir(fleet)}/${slot}`,
    logs: `${stateDir}/logs`,
    logDir,
    log: (fleet, slot) => `${logDir(fleet)}/${slot}.log`,
    runtimeDir,
    apiSocket: `${runtimeDir}/fleetd.sock`,
    notifySocket: `${runtimeDir}/notify.sock`,
    runDatabase: `${runtimeDir}/run.db`,
    heartbeat: `${runtimeDir}/heartbeat`,
    slotRuntimeDir,
    agentSocket: (fleet, slot) => `${slotRuntimeDir(fleet, slot)}/agent.sock`,
  };
}

/** Gives the first port of a slot, or null for a fleet without ports. */
export function portOf(ports: Ports | null, slot: number): number | null {
  return ports === null ? null : ports.base + slot * ports.perAgent;
}

/**
 * Gives the directories of the supervisor of this user, or what FLEETD_STATE_DIR and FLEETD_RUNTIME_DIR say.
 * `exists` tells whether a directory exists. Throws USAGE where one of the two variables is not an absolute path.
 */
export function defaultDirectories(
  env: Readonly<Record<string, string | undefined>>,
  uid: number,
  home: string,
  exists: (directory: string) => boolean,
): { stateDir: string; runtimeDir: string } {
  const root = uid === 0;
  const stateDir =
    override(env, 'FLEETD_STATE_DIR') ?? (root ? '/var/lib/fleetd' : `${home}/.local/state/fleetd`);
  const runtimeDir = override(env, 'FLEETD_RUNTIME_DIR');
  if (runtimeDir !== null) return { stateDir, runtimeDir };
  if (root) return { stateDir, runtimeDir: '/run/fleetd' };
  if (env.XDG_RUNTIME_DIR) return { stateDir, runtimeDir: `${env.XDG_RUNTIME_DIR}/fleetd` };
  const ofUser = `/run/user/${uid}`;
  return { stateDir, runtimeDir: exists(ofUser) ? `${ofUser}/fleetd` : `${stateDir}/run` };
}

/** Throws SPEC_INVALID if a Unix socket cannot have this path, because it is longer than the kernel takes. */
export function checkSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= SOCKET_PATH_BYTES_MAX) return;
  throw new FleetError(
    'SPEC_INVALID',
    `the path of the socket ${path} has ${bytes} bytes, and Linux takes at most ${SOCKET_PATH_BYTES_MAX}`,
    { hint: 'Set FLEETD_RUNTIME_DIR to a shorter directory, or give the fleet a shorter name.' },
  );
}

function override(env: Readonly<Record<string, string | undefined>>, variable: string): string | null {
  const directory = env[variable];
  if (!directory) return null;
  if (directory.startsWith('/')) return directory.replace(/(?<=.)\/+$/, '');
  throw new FleetError('USAGE', `${variable} is ${directory}, and must be an absolute path`, {
    hint: `Set ${variable} to a path that begins with a slash.`,
  });
}
