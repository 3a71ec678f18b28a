import { constants } from 'node:os';
import pino, { type Logger } from 'pino';
import { FleetError } from '../errors/fleet-error.ts';
import { explainFailure } from '../host/facts/explain.ts';
import { removeFile } from '../host/files/files.ts';
import { LinuxHost } from '../host/linux/linux.ts';
import { readBootId } from '../host/proc/boot.ts';
import { directories } from '../host/state/directories.ts';
import { checkReach, findGroup, type Group, openToGroup } from '../host/state/group-socket.ts';
import { HeartbeatFile } from '../host/state/heartbeat-file.ts';
import { takeLock } from '../host/state/lock.ts';
import { OwnLog } from '../host/state/own-log.ts';
import { StandardError } from '../host/state/standard-error.ts';
import { checkWay, makePrivate, makeTraversable, publish } from '../host/state/statedir.ts';
import { IS_INIT } from '../host/sys/init.ts';
import { configDirectory, type Paths, pathsIn, slotFiles } from '../specification/paths.ts';
import { EventStore } from '../store/events.ts';
import { RunStore } from '../store/runs.ts';
import { ReadingStore } from '../store/samples.ts';
import { WantedStore } from '../store/wanted.ts';
import { buildApi } from './api/api.ts';
import { MASKS } from './api/masks.ts';
import { Refusals } from './api/refusals.ts';
import { ApiServer } from './api/server.ts';
import { Commands } from './commands/commands.ts';
import { Configuration } from './commands/configuration.ts';
import { HostHistory } from './dashboard/host-history.ts';
import { Dashboard } from './dashboard/server.ts';
import { EndSignals } from './end-signals.ts';
import { Frugality } from './frugality.ts';
import { Heartbeat } from './heartbeat.ts';
import { possess } from './possession.ts';
import { Metrics } from './report/metrics.ts';
import { MetricsServer } from './report/metrics-server.ts';
import { Report } from './report/report.ts';
import { SelfCheck } from './self-check.ts';
import { VERSION } from './shared/version.ts';
import { Shutdown } from './shutdown.ts';
import { stopAgents } from './stop-agents.ts';
import { recover } from './supervisor/recovery.ts';
import { type Parts, Supervisor } from './supervisor/supervisor.ts';
import { Telemetry, wantsTelemetry } from './telemetry/telemetry.ts';

const HELP = `fleetd ${VERSION}: supervises fleets of daemons, controlled by fleetctl.

It runs in the foreground until SIGTERM or SIGINT; agents continue without it.
As PID 1 of a container it stops all agents first, each as its spec says, and a
second signal ends everything at once. It reaps what is orphaned in there.
  FLEETD_STATE_DIR      durable state, agents' directories
  FLEETD_RUNTIME_DIR    API socket, agents' sockets
  FLEETD_GROUP          group that may read, at a second socket
  FLEETD_AGENTS_CGROUP  cgroup v2 path of a unit that the agents live in, apart
                        from fleetd's own unit (/fleetd.slice/agents.service)
  FLEETD_CONFIG_DIR     specs that are applied at the start and on SIGHUP; for
                        root with the default state directory: /etc/fleetd
`;
/** The exit code of a process that a signal has ended begins here, as shells report it. */
const SIGNAL_EXIT = 128;
/** The umask of the supervisor itself, whose files are private; agents get theirs at their start. */
const OWN_UMASK = 0o077;

/** Runs the supervisor until it is told to end. A failure to start is one JSON line on stderr, and the exit code. */
export async function runDaemon(argv: readonly string[]): Promise<void> {
  if (argv.includes('--help') || argv.includes('--version')) {
    process.stdout.write(argv.includes('--help') ? HELP : `${VERSION}\n`);
    return;
  }
  const exit = new Shutdown();
  try {
    if (argv.length > 0)
      throw new FleetError('USAGE', `fleetd takes no arguments, found "${argv[0]}"`, {
        hint: 'Run fleetd --help.',
      });
    process.umask(OWN_UMASK);
    const { stateDir, runtimeDir } = directories();
    await start(pathsIn(stateDir, runtimeDir), exit);
  } catch (error) {
    exit.byFailure(error);
  }
}

async function start(paths: Paths, exit: Shutdown): Promise<void> {
  const readers = process.env.FLEETD_GROUP ? findGroup(process.env.FLEETD_GROUP) : null;
  const unlock = takePossession(paths);
  if (readers) checkReach(paths.runtimeDir, readers);
  const log = openLog(paths.ownLog);
  exit.catchDefects(log);
  const signals = new EndSignals(IS_INIT);
  const sign = new HeartbeatFile(paths.heartbeat, readBootId());
  const store = new WantedStore(paths.database, paths.copy);
  const events = new EventStore(paths.events);
  const runs = new RunStore(paths.runDatabase, readBootId());
  const readings = new ReadingStore(paths.samples);
  // One of an earlier supervisor: the group may not be meant to read any more.
  for (const socket of [paths.notifySocket, paths.readSocket]) removeFile(socket);
  const files = slotFiles(paths);
  const possessed = possess(paths, files);
  const host = new LinuxHost({
    id: possessed.id,
    files,
    notifyPath: paths.notifySocket,
  });
  publish(paths.notifySocket);
  const parts = { host, paths, store, runs, events, readings, log };
  await supervise(parts, possessed.notices, { readers, unlock, exit, signals });
  sign.supervises();
  log.info({ pid: process.pid, version: VERSION, containment: host.processes.containment }, 'started');
}

/** What the supervisor needs to serve, and at its end. */
interface Ending {
  telemetry: Telemetry | null;
  /** The group that may read; null if only the supervisor's own user may. */
  readers: Group | null;
  unlock: () => void;
  exit: Shutdown;
  signals: EndSignals;
}

/** The supervisor's own log: a file, and in a container its standard error as well, which the runtime keeps. */
function openLog(path: string): Logger {
  const file = new OwnLog(path);
  return pino(
    { base: null },
    IS_INIT ? pino.multistream([{ stream: file }, { stream: new StandardError() }]) : file,
  );
}

/** Recovers the fleets and serves the API. @param notices the notices about the state directory */
async function supervise(
  parts: Parts,
  notices: readonly string[],
  ending: Omit<Ending, 'telemetry'>,
): Promise<void> {
  const { host, paths, store, runs, events, readings, log } = parts;
  const supervisor = new Supervisor(parts);
  const telemetry = wantsTelemetry(process.env) ? await Telemetry.open(supervisor) : null;
  supervisor.tracing = telemetry;
  supervisor.journal.note(
    'supervisor',
    null,
    `fleetd ${VERSION} started, pid ${process.pid}, containment by ${host.processes.containment}`,
  );
  for (const notice of [...notices, ...store.notices, events.notice, runs.notice, readings.notice]) {
    if (notice === null) continue;
    log.warn(notice);
    supervisor.journal.note('supervisor', null, notice);
  }
  for (const kept of [store, readings])
    kept.onNotice = (notice) => supervisor.journal.note('supervisor', null, notice);
  recover(supervisor, store.load(), runs);
  await serve(supervisor, paths, log, { ...ending, telemetry });
}

/** Makes the directories and takes their locks, so that no other supervisor uses them. */
function takePossession(paths: Paths): () => void {
  try {
    for (const path of [paths.stateDir, paths.runtimeDir]) {
      makeTraversable(path);
      checkWay(path);
    }
    for (const path of [`${paths.stateDir}/logs`]) makePrivate(path);
    for (const path of [`${paths.stateDir}/fleets`, `${paths.stateDir}/releases`]) makeTraversable(path);
  } catch (error) {
    throw explainFailure(`cannot create ${paths.stateDir} and ${paths.runtimeDir}`, error, paths.stateDir);
  }
  const locks = [paths.lock, `${paths.runtimeDir}/fleetd.lock`].map((path) => {
    const lock = takeLock(path);
    if (lock.ok) return lock.value;
    throw new FleetError(
      'STATE_LOCKED',
      `a supervisor is already running, pid ${lock.error.holder}: it holds ${path}`,
    );
  });
  return () => {
    for (const unlock of locks) unlock();
  };
}

async function serve(
  supervisor: Supervisor,
  paths: Paths,
  log: Logger,
  { readers, telemetry, ...ending }: Ending,
): Promise<void> {
  const commands = new Commands(supervisor);
  const report = new Report(supervisor);
  const metrics = new Metrics(supervisor, report);
  supervisor.observer = metrics;
  const metricsServer = new MetricsServer(metrics, supervisor.store);
  const hostHistory = new HostHistory(supervisor.host, ({ message }) =>
    log.warn({ error: message }, 'the memory of the host cannot be read'),
  );
  const dashboard = new Dashboard({ supervisor, report, metrics, hostHistory });
  const heartbeat = new Heartbeat(process.env, log);
  let isEnding = false;
  const end = async (withAgents: boolean, exitCode: number) => {
    if (isEnding) return;
    isEnding = true;
    // They would not survive PID 1.
    const stopsAgents = withAgents || IS_INIT;
    const hurry = stopsAgents ? await stopAgents(supervisor, ending.signals.hurry) : null;
    const what = stopsAgents ? 'fleetd stops, and so do all agents' : 'fleetd stops; agents continue';
    await ending.exit.orderly(
      hurry === null ? exitCode : SIGNAL_EXIT + constants.signals[hurry],
      [
        () => heartbeat.stopping(),
        () => supervisor.journal.note('supervisor', null, what),
        () => configuration?.stop(),
        () => metricsServer.close(),
        () => dashboard.close(),
        () => hostHistory.stop(),
        () => selfCheck.stop(),
        () => frugality.stop(),
        ...servers.map((server) => () => server.close()),
        () => refusals.close(),
        () => telemetry?.close(),
        () => supervisor.stop(),
        () => removeFile(paths.apiSocket),
        () => removeFile(paths.readSocket),
        () => removeFile(paths.notifySocket),
        ending.unlock,
      ],
      log,
    );
  };
  const shutdown = (withAgents: boolean) => void end(withAgents, heartbeat.shutdownStatus);
  const refusals = new Refusals(supervisor.journal);
  const served = { supervisor, commands, report, metrics, metricsServer, dashboard, refusals, shutdown };
  const servers = [new ApiServer(paths.apiSocket, () => buildApi(served))];
  if (readers) {
    const forReaders = () => buildApi(served, MASKS);
    servers.push(new ApiServer(paths.readSocket, forReaders, (path) => openToGroup(path, readers)));
  }
  // The one for commands comes last: once it answers, the supervisor serves all.
  for (const server of servers.toReversed()) await server.open();
  const selfCheck = new SelfCheck(supervisor, servers);
  const frugality = new Frugality(log);
  // Supervision does not depend on a port that another process has taken meanwhile.
  for (const server of [metricsServer, dashboard])
    await server.resume().catch((error: Error) => supervisor.journal.note('limit', null, error.message));
  ending.signals.onFirst(() => void end(false, 0));
  const configured = configDirectory(process.env, process.getuid!(), paths.stateDir);
  const configuration = configured === null ? null : new Configuration(supervisor, commands, configured);
  process.on('SIGHUP', () => void configuration?.read());
  heartbeat.ready(`supervises ${supervisor.fleets.size} fleets`);
  // Whatever is wrong with a file must neither delay nor fail the start.
  void configuration?.read();
}
