import { FleetError } from '../errors/fleet-error.ts';
import type { Ports } from './spec.ts';

/** sun_path has 108 bytes, its terminating NUL included: unix(7). */
export const SOCKET_PATH_BYTES_MAX = 107;

const ROOT_STATE_DIR = '/var/lib/fleetd';
/** The specs that root's supervisor applies at its start. */
export const ROOT_CONFIG_DIR = '/etc/fleetd';

/** Every path that fleetd uses: durable ones below the state directory, all others below the runtime directory. */
export interface Paths {
  stateDir: string;
  /** Wanted state (SQLite). */
  database: string;
  /** Copy of the wanted state, for recovery and for reading. */
  copy: string;
  /** What happened (SQLite). */
  events: string;
  /** Memory over time (SQLite). */
  samples: string;
  lock: string;
  /** Identifies this directory, whatever path leads to it. */
  identity: string;
  /** The supervisor's own log. */
  ownLog: string;
  releases: string;
  release: (id: string) => string;
  /** Parent of the fleets' directories. */
  fleets: string;
  /** Parent of the slots' directories of a fleet. */
  fleetDir: (fleet: string) => string;
  slotDir: (fleet: string, slot: number) => string;
  /** Parent of the fleets' log directories. */
  logs: string;
  logDir: (fleet: string) => string;
  log: (fleet: string, slot: number) => string;
  /** Where stderr goes if it has a log of its own; no slot is recognised by it. */
  errorLog: (fleet: string, slot: number) => string;
  /** What a slot keeps when it is vacated: its directory and its logs, with so many older parts. */
  keptOf: (fleet: string, slot: number, parts: number) => string[];
  runtimeDir: string;
  apiSocket: string;
  /** The API that only reads, for the group of FLEETD_GROUP. */
  readSocket: string;
  notifySocket: string;
  /** Pids (SQLite): they need not survive a reboot. */
  runDatabase: string;
  /** The supervisor's sign of life; the watchdog reads it when the supervisor does not answer. */
  heartbeat: string;
  slotRuntimeDir: (fleet: string, slot: number) => string;
  agentSocket: (fleet: string, slot: number) => string;
}

/** Returns every path below the two directories, which are absolute and have no slash at the end. */
export function pathsIn(stateDir: string, runtimeDir: string): Paths {
  const fleetDir = (fleet: string) => `${stateDir}/fleets/${fleet}`;
  const logDir = (fleet: string) => `${stateDir}/logs/${fleet}`;
  const slotDir = (fleet: string, slot: number) => `${fleetDir(fleet)}/${slot}`;
  const log = (fleet: string, slot: number) => `${logDir(fleet)}/${slot}.log`;
  const errorLog = (fleet: string, slot: number) => `${logDir(fleet)}/${slot}.err.log`;
  const withParts = (path: string, parts: number) => [
    path,
    ...Array.from({ length: parts }, (_, i) => `${path}.${i + 1}`),
  ];
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
    slotDir,
    logs: `${stateDir}/logs`,
    logDir,
    log,
    errorLog,
    keptOf: (fleet, slot, parts) => [
      slotDir(fleet, slot),
      ...[log(fleet, slot), errorLog(fleet, slot)].flatMap((path) => withParts(path, parts)),
    ],
    runtimeDir,
    apiSocket: `${runtimeDir}/fleetd.sock`,
    readSocket: `${runtimeDir}/fleetd-read.sock`,
    notifySocket: `${runtimeDir}/notify.sock`,
    runDatabase: `${runtimeDir}/run.db`,
    heartbeat: `${runtimeDir}/heartbeat`,
    slotRuntimeDir,
    agentSocket: (fleet, slot) => `${slotRuntimeDir(fleet, slot)}/agent.sock`,
  };
}

/** Returns the first port of a slot, or null for a fleet without ports. */
export function portOf(ports: Ports | null, slot: number): number | null {
  if (ports === null) return null;
  return ports.same ? ports.base : ports.base + slot * ports.perAgent;
}

/** Returns the named ports of a slot, by name. */
export function namedPortsOf(ports: Ports | null, slot: number): Record<string, number> {
  const first = portOf(ports, slot);
  return Object.fromEntries((ports?.names ?? []).map((name, i) => [name, first! + i]));
}

/**
 * Returns the directories of this user's supervisor, or those of FLEETD_STATE_DIR and FLEETD_RUNTIME_DIR.
 * @param exists tells whether a directory exists
 * @throws FleetError USAGE if one of the two variables is not an absolute path
 */
export function defaultDirectories(
  env: Readonly<Record<string, string | undefined>>,
  uid: number,
  home: string,
  exists: (directory: string) => boolean,
): { stateDir: string; runtimeDir: string } {
  const root = uid === 0;
  const stateDir =
    override(env, 'FLEETD_STATE_DIR') ?? (root ? ROOT_STATE_DIR : `${home}/.local/state/fleetd`);
  const runtimeDir = override(env, 'FLEETD_RUNTIME_DIR');
  if (runtimeDir !== null) return { stateDir, runtimeDir };
  if (root) return { stateDir, runtimeDir: '/run/fleetd' };
  if (env.XDG_RUNTIME_DIR) return { stateDir, runtimeDir: `${env.XDG_RUNTIME_DIR}/fleetd` };
  const ofUser = `/run/user/${uid}`;
  return { stateDir, runtimeDir: exists(ofUser) ? `${ofUser}/fleetd` : `${stateDir}/run` };
}

/**
 * Returns the directory of configuration that a supervisor reads at its start: that of FLEETD_CONFIG_DIR, or /etc/fleetd
 * for root's supervisor with the default state directory; null for any other.
 */
export function configDirectory(
  env: Readonly<Record<string, string | undefined>>,
  uid: number,
  stateDir: string,
): string | null {
  if (env.FLEETD_CONFIG_DIR) return env.FLEETD_CONFIG_DIR.replace(/(?<=.)\/+$/, '');
  return uid === 0 && stateDir === ROOT_STATE_DIR ? ROOT_CONFIG_DIR : null;
}

/** Checks the length of a Unix socket's path. @throws FleetError SPEC_INVALID if the kernel refuses it */
export function checkSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= SOCKET_PATH_BYTES_MAX) return;
  throw new FleetError(
    'SPEC_INVALID',
    `the socket path ${path} has ${bytes} bytes; Linux allows at most ${SOCKET_PATH_BYTES_MAX}`,
    { hint: 'Set FLEETD_RUNTIME_DIR to a shorter directory, or give the fleet a shorter name.' },
  );
}

function override(env: Readonly<Record<string, string | undefined>>, variable: string): string | null {
  const directory = env[variable];
  if (!directory) return null;
  if (directory.startsWith('/')) return directory.replace(/(?<=.)\/+$/, '');
  throw FleetError.of(
    'USAGE.value',
    { what: variable, expected: 'an absolute path', found: directory },
    { hint: `Set ${variable} to a path that begins with a slash.` },
  );
}

/** Tells which slot a log or a working directory belongs to: the reverse of `log` and `slotDir`. */
export function slotFiles({ stateDir }: Paths): {
  keyOfLog: (path: string) => string | null;
  keyOfDir: (path: string) => string | null;
} {
  const matcher = (kind: string, ending: string) => {
    const prefix = `${stateDir}/${kind}/`;
    return (path: string) => {
      if (!path.startsWith(prefix) || !path.endsWith(ending)) return null;
      const key = path.slice(prefix.length, path.length - ending.length);
      return /^[a-z][a-z0-9-]*\/\d+$/.test(key) ? key : null;
    };
  };
  return { keyOfLog: matcher('logs', '.log'), keyOfDir: matcher('fleets', '') };
}
