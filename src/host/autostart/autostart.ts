import { closeSync, constants, existsSync, openSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorDocument, errorFromDocument, FleetError } from '../../errors/fleet-error.ts';
import { explainFailure } from '../facts/explain.ts';
import { UNIT_DIRECTORY } from '../install/files.ts';
import { findListener } from '../net/unix.ts';
import { readCgroupMount } from '../proc/cgroup.ts';
import { spawnProcess } from '../process/spawner.ts';
import { accountOf } from '../process/users.ts';
import { checkWay, makeTraversable } from '../state/statedir.ts';
import { hashText } from '../sys/hash.ts';
import { packageFile } from '../sys/package.ts';
import { closeFd, openPidfd, reapPidfd } from '../sys/pidfd.ts';
import { getLimit } from '../sys/rlimit.ts';
import { hasUserManager, isBooted } from '../sys/systemd.ts';
import { startInstalled, startTransient, systemctl, type UnitStart } from './unit.ts';
import { chooseWay, type StartEnvironment } from './way.ts';

const TIMEOUT_MS = 30_000;
/** After a supervisor has ended, the time for another one, started at the same moment, to answer. */
const OTHER_ANSWERS_MS = 5_000;
const POLL_MS = 20;
const PROGRAM = packageFile('bin/fleetd');
const KEEPER = packageFile('bin/keep-cgroup');
/** The variables that a supervisor inherits from whoever starts it: the paths, who may read, and where telemetry goes. */
const KEPT = [
  'FLEETD_STATE_DIR',
  'FLEETD_RUNTIME_DIR',
  'FLEETD_CONFIG_DIR',
  'FLEETD_GROUP',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_RESOURCE_ATTRIBUTES',
  'OTEL_SERVICE_NAME',
  'OTEL_SDK_DISABLED',
  'XDG_RUNTIME_DIR',
  'XDG_CACHE_HOME',
  'HOME',
  'USER',
  'PATH',
];

/** May hold a token, and every user can read the environment of a unit: only a process gets it. */
const KEPT_BY_PROCESS = [...KEPT, 'OTEL_EXPORTER_OTLP_HEADERS'];

/** A started supervisor: its pid, and its unit, if it is one. */
export interface StartedSupervisor {
  pid: number;
  unit: string | null;
}

interface Directories {
  stateDir: string;
  runtimeDir: string;
}

/**
 * Starts a supervisor in the background that inherits nothing from its caller: as a unit if systemd runs, otherwise as a
 * process with its own session, no terminal, no inherited descriptor and `/` as its directory; its output goes to the
 * state directory. If another one was started first, that one serves.
 * @returns once the API socket answers
 * @throws FleetError with the supervisor's own error if it could not start or did not answer within 30 s
 */
export async function startSupervisor(dirs: Directories): Promise<StartedSupervisor> {
  const output = `${dirs.stateDir}/fleetd.out`;
  const offset = makeOutput(dirs.stateDir, output);
  const socketPath = `${dirs.runtimeDir}/fleetd.sock`;
  const lastWords = () => wordsSince(output, offset);
  const way = chooseWay(surroundings(dirs));
  if (way === 'process') {
    const pid = startProcess(output);
    await untilAnswering(pid, socketPath, lastWords);
    return { pid, unit: null };
  }
  const isRoot = way !== 'user-unit';
  if (way === 'installed-unit') await startInstalled(INSTALLED);
  const unit = way === 'installed-unit' ? INSTALLED : await startTransient(transientOf(dirs, isRoot, output));
  return { pid: await unitAnswering(unit, isRoot, socketPath, lastWords), unit };
}

const INSTALLED = 'fleetd.service';

function surroundings({ stateDir, runtimeDir }: Directories): StartEnvironment {
  const uid = process.getuid!();
  const isDefault = stateDir === '/var/lib/fleetd' && runtimeDir === '/run/fleetd';
  return {
    isRoot: uid === 0,
    isBooted: isBooted() && readCgroupMount() !== null,
    isInstalled: isDefault && existsSync(`${UNIT_DIRECTORY}/${INSTALLED}`),
    isLingering: hasUserManager(uid) && existsSync(`/var/lib/systemd/linger/${accountOf(uid, uid).name}`),
  };
}

function startProcess(output: string): number {
  try {
    return spawnProcess({
      path: '/bin/sh',
      argv: ['sh', PROGRAM],
      env: keptEnvironment(KEPT_BY_PROCESS),
      cwd: '/',
      output: { path: output },
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'EACCES') throw explainFailure(`cannot start ${PROGRAM}`, error, output);
    const hint =
      'fleetd starts every process through a program in memory, which needs sysctl vm.memfd_noexec=0 or 1.';
    throw new FleetError('LIMIT_REACHED', `cannot start ${PROGRAM}: ${message}`, { hint, cause: error });
  }
}

function transientOf({ stateDir, runtimeDir }: Directories, isRoot: boolean, output: string): UnitStart {
  return {
    id: hashText(stateDir).slice(0, 12),
    isRoot,
    uid: process.getuid!(),
    launcher: PROGRAM,
    keeper: KEEPER,
    // Variables that the caller has by default, but a unit does not.
    env: [...keptEnvironment(KEPT), `FLEETD_STATE_DIR=${stateDir}`, `FLEETD_RUNTIME_DIR=${runtimeDir}`],
    output,
    nofile: getLimit('nofile').hard,
  };
}

function keptEnvironment(names: readonly string[]): string[] {
  return names.flatMap((name) => (process.env[name] === undefined ? [] : [`${name}=${process.env[name]}`]));
}

/** Waits for a unit's supervisor, or for another one that was started first. @returns the pid of the one that answers */
async function unitAnswering(
  unit: string,
  isRoot: boolean,
  socketPath: string,
  lastWords: () => ErrorDocument | null,
): Promise<number> {
  const manager = { isRoot, uid: process.getuid!() };
  const deadline = Date.now() + TIMEOUT_MS;
  for (;;) {
    const listener = findListener(socketPath);
    if (listener.ok) return listener.value;
    const words = lastWords();
    const isOver = Date.now() > deadline;
    if (isOver || (words && words.code !== 'FLEET_STATE_LOCKED')) {
      // A transient unit would retry for ever; the installed one must.
      if (unit !== INSTALLED) await systemctl(manager, 'stop', unit);
      throw words ? errorFromDocument(words) : unitIsSilent(unit, isRoot, socketPath);
    }
    await sleep(POLL_MS);
  }
}

function unitIsSilent(unit: string, isRoot: boolean, socketPath: string): FleetError {
  return new FleetError('SUPERVISOR_AWAY', `${unit} does not answer: ${socketPath}`, {
    hint: `See journalctl ${isRoot ? '' : '--user '}-u ${unit}, and fleetd.log in the state directory.`,
  });
}

/** A caller's environment may name another user's directory: nothing there is followed or waited for. */
const OUTPUT_FLAGS =
  constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Makes the file for a supervisor's last output, in a directory that is checked before anything in it is touched, just
 * as the supervisor will check it.
 * @returns its size: what follows is the new supervisor's
 */
function makeOutput(stateDir: string, output: string): number {
  try {
    checkWay(stateDir);
    makeTraversable(stateDir);
    closeSync(openSync(output, OUTPUT_FLAGS, 0o600));
    return statSync(output).size;
  } catch (error) {
    throw explainFailure(`cannot write ${stateDir}`, error, stateDir);
  }
}

async function untilAnswering(
  pid: number,
  socketPath: string,
  lastWords: () => ErrorDocument | null,
): Promise<void> {
  const pidfd = openPidfd(pid);
  let deadline = Date.now() + TIMEOUT_MS;
  let ended = false;
  try {
    while (!findListener(socketPath).ok) {
      if (!ended && (pidfd === null || reapPidfd(pidfd) !== null)) {
        ended = true;
        deadline = Date.now() + OTHER_ANSWERS_MS;
        const words = lastWords();
        if (words && words.code !== 'FLEET_STATE_LOCKED') throw errorFromDocument(words);
      }
      if (Date.now() > deadline) {
        // Another one was started first, as this one reported, but it does not answer here: that report is the reason.
        const words = ended ? lastWords() : null;
        if (words) throw errorFromDocument(words);
        const what = ended ? 'has ended' : 'does not answer';
        throw new FleetError(
          'SUPERVISOR_AWAY',
          `the started supervisor (pid ${pid}) ${what}: ${socketPath}`,
          {
            hint: 'See fleetd.out and fleetd.log in the state directory.',
          },
        );
      }
      await sleep(POLL_MS);
    }
  } finally {
    if (pidfd !== null) closeFd(pidfd);
  }
}

/** The error that a supervisor printed at its end, one JSON document on a line. */
function wordsSince(output: string, offset: number): ErrorDocument | null {
  for (const line of readFileSync(output).subarray(offset).toString('utf8').split('\n').reverse()) {
    if (line.startsWith('{"error":')) return (JSON.parse(line) as { error: ErrorDocument }).error;
  }
  return null;
}
