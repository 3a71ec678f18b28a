import { openapiDocument } from '../../api/openapi.ts';
import { decideHold, decideResume } from '../../fleet/decide/hold.ts';
import { decideKill } from '../../fleet/decide/kill.ts';
import { decideReload } from '../../fleet/decide/reload.ts';
import { decideRestart } from '../../fleet/decide/restart.ts';
import { decideRollback, decideRolloutAction } from '../../fleet/decide/rollout.ts';
import { AGENTS_MAX, parseSlots } from '../../specification/slots.ts';
import type { Commands } from '../commands/commands.ts';
import { listStrays } from '../commands/strays.ts';
import type { Dashboard } from '../dashboard/server.ts';
import { streamLogs } from '../fleet/log-stream.ts';
import { Output } from '../fleet/output.ts';
import type { Metrics } from '../report/metrics.ts';
import type { MetricsServer } from '../report/metrics-server.ts';
import type { Report } from '../report/report.ts';
import { releasesDocument, rolloutDocument } from '../report/rollout.ts';
import { watchOnce } from '../report/watchdog.ts';
import { VERSION } from '../shared/version.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { watchGoal } from './follow.ts';
import type { Handlers } from './routes.ts';
import { closed, followEvents, readLog } from './streams.ts';

const EVENTS_MAX = 10_000;
const LINES = { usual: 100, max: 100_000 } as const;

/** What the handlers use. */
export interface Served {
  metrics: Metrics;
  metricsServer: MetricsServer;
  dashboard: Dashboard;
  supervisor: Supervisor;
  commands: Commands;
  report: Report;
  shutdown: (withAgents: boolean) => void;
}

type Part<K extends keyof Handlers> = Pick<Handlers, K>;

/** Returns the handlers of all operations. A handler translates the request and delegates the work. */
export function handlersOf(served: Served): Handlers {
  return {
    ...commandHandlers(served),
    ...rolloutHandlers(served),
    ...reportHandlers(served),
    ...streamHandlers(served),
    ...supervisorHandlers(served),
  };
}

function commandHandlers({
  commands,
  report,
  supervisor,
}: Served): Part<
  | 'spawn'
  | 'apply'
  | 'drySpawn'
  | 'kill'
  | 'restart'
  | 'reload'
  | 'signal'
  | 'hold'
  | 'resume'
  | 'remove'
  | 'actOnStrays'
> {
  return {
    spawn: ({ fleet, body }) => commands.spawn(fleet, body),
    apply: async ({ body }) => ({ fleets: await commands.apply(body) }),
    drySpawn: ({ body }) => commands.drySpawn(body),
    kill: ({ fleet, body }) => commands.decide(fleet, (known) => decideKill(known, body)),
    restart: ({ fleet, body }) => commands.decide(fleet, (known) => decideRestart(known, body)),
    reload: ({ fleet, body }) =>
      commands.decide(fleet, (known) => decideReload(known, body, supervisor.host.now())),
    signal: ({ fleet, body }) => commands.signal(fleet, body),
    hold: async ({ fleet }) => {
      await commands.change(fleet, decideHold);
      return report.counts(commands.get(fleet));
    },
    resume: async ({ fleet }) => {
      await commands.change(fleet, decideResume);
      return report.counts(commands.get(fleet));
    },
    remove: async ({ fleet, query }) => {
      const known = await commands.remove(fleet, query.purge ?? false);
      return { fleet, known };
    },
    actOnStrays: ({ fleet, body }) => commands.actOnStrays(fleet, body),
  };
}

function rolloutHandlers({
  commands,
  supervisor,
}: Served): Part<'rollingUpdate' | 'dryUpdate' | 'rollout' | 'actOnRollout' | 'rollBack' | 'releases'> {
  return {
    rollingUpdate: ({ fleet, body }) => commands.rollingUpdate(fleet, body),
    dryUpdate: ({ fleet, body }) => commands.dryUpdate(fleet, body),
    rollout: ({ fleet }) => rolloutDocument(commands.get(fleet), supervisor.host.now()),
    actOnRollout: ({ fleet, body }) =>
      commands.decide(fleet, (known, date) => decideRolloutAction(known, body.action, date)),
    rollBack: ({ fleet, body }) =>
      commands.decide(fleet, (known, date) => decideRollback(known, body.to, date)),
    releases: ({ fleet }) => releasesDocument(commands.get(fleet)),
  };
}

function reportHandlers({
  commands,
  report,
  supervisor,
}: Served): Part<'status' | 'fleets' | 'fleet' | 'agents' | 'memory' | 'samples' | 'strays' | 'watchdog'> {
  /** Returns the name of a known fleet, or null for all fleets. @throws FleetError UNKNOWN */
  const named = (fleet: string | undefined): string | null =>
    fleet === undefined ? null : commands.get(fleet).name;
  return {
    status: () => report.status(),
    fleets: () => ({
      fleets: [...supervisor.fleets.keys()],
      labels: Object.fromEntries(
        [...supervisor.fleets].map(([name, { fleet }]) => [name, fleet.spec.labels ?? {}]),
      ),
    }),
    fleet: ({ fleet }) => {
      const { spec, baseDir } = commands.get(fleet).fleet.record;
      return { spec, baseDir };
    },
    agents: ({ query: { fleet, slots, usage = false } }) =>
      report.agents(fleet === undefined ? supervisor.fleets.values() : [commands.get(fleet)], {
        slots: slots === undefined ? null : new Set(parseSlots(slots)),
        withUsage: usage,
      }),
    memory: ({ fleet, query: { top = 0, pss = 'some' } }) =>
      report.memory(commands.get(fleet), Math.min(top, AGENTS_MAX), pss),
    samples: ({ fleet, query: { since = 0 } }) => report.samples(commands.get(fleet), since),
    strays: ({ query }) => listStrays(supervisor, named(query.fleet)),
    watchdog: ({ query }) => watchOnce(supervisor, named(query.fleet)),
  };
}

function streamHandlers({ commands, report, supervisor }: Served): Part<'watch' | 'events' | 'log' | 'logs'> {
  return {
    watch: ({ fleet, query: { goal }, connection }) =>
      watchGoal(supervisor, report, commands.get(fleet), goal, closed(connection)),
    events: ({ query: { fleet, after = 0, limit = EVENTS_MAX, follow = false }, connection }) => {
      const name = fleet === undefined ? null : commands.get(fleet).name;
      const first = supervisor.journal.read(name, after, Math.min(limit, EVENTS_MAX));
      return follow ? followEvents(supervisor, name, first, connection) : first;
    },
    log: ({ fleet, slot, query: { lines = LINES.usual, follow = false }, connection }) => {
      const path = commands.get(fleet).watch(Output).written(slot);
      const wanted = { lines: Math.min(lines, LINES.max), follow };
      return { content: readLog(supervisor.host, path, wanted, closed(connection)) };
    },
    logs: ({ fleet, query: { slots, lines = LINES.usual, lastMs, follow = false }, connection }) => {
      const runner = commands.get(fleet);
      const output = runner.watch(Output);
      const chosen = slots === undefined ? null : parseSlots(slots);
      output.checkHasLogs();
      // One that has no output yet may be waited for, if others have some.
      if (chosen?.every((slot) => output.logs(slot).length === 0)) output.written(chosen[0]!);
      const since = lastMs === undefined ? null : supervisor.host.date().getTime() - lastMs;
      const wanted = { slots: chosen, lines: Math.min(lines, LINES.max), since, follow };
      return streamLogs(runner, wanted, AbortSignal.any([closed(connection), runner.signal]));
    },
  };
}

function supervisorHandlers({
  dashboard,
  metrics,
  metricsServer,
  shutdown,
  supervisor,
}: Served): Part<'metrics' | 'serveMetrics' | 'serveDashboard' | 'setMaintenance' | 'shutdown' | 'openapi'> {
  return {
    metrics: async ({ query }) => {
      const { contentType, body } = await metrics.text(query.agents ?? false);
      return { content: body, mediaType: contentType };
    },
    serveMetrics: async ({ body }) => {
      await metricsServer.set(body.port);
      return { port: metricsServer.port };
    },
    serveDashboard: async ({ body }) => {
      await dashboard.set(body.port);
      return { url: dashboard.url };
    },
    setMaintenance: ({ body }) => ({ maintenance: supervisor.maintenance.set(body) }),
    shutdown: ({ body }) => {
      setImmediate(() => shutdown(body.withAgents ?? false));
      return { pid: process.pid };
    },
    openapi: () => openapiDocument(VERSION),
  };
}
