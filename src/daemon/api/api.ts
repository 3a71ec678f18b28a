import { isAbsolute } from 'node:path';
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type {
  DashboardRequest,
  KillRequest,
  MaintenanceRequest,
  RestartRequest,
  ShutdownRequest,
  SpawnRequest,
} from '../../api/protocol.ts';
import { API } from '../../api/protocol.ts';
import type { StraysRequest } from '../../api/strays.ts';
import { FleetError } from '../../errors.ts';
import { PORT_MAX } from '../../specification/ports.ts';
import { parseSlots } from '../../specification/slots.ts';
import type { Commands } from '../commands/commands.ts';
import type { Dashboard } from '../dashboard/server.ts';
import type { Metrics } from '../report/metrics.ts';
import type { MetricsServer } from '../report/metrics-server.ts';
import type { Report } from '../report/report.ts';
import { watchOnce } from '../report/watchdog.ts';
import { listStrays } from '../strays/strays.ts';
import type { Supervisor } from '../supervisor.ts';
import { Output } from '../watches/output.ts';
import { boundedApi } from './bounds.ts';
import { parseGoal, watchGoal } from './follow.ts';
import type { Refusals } from './refusals.ts';
import { readObject } from './requests.ts';
import { serveRollouts } from './rollout.ts';
import { closed, followEvents, sendLines } from './streams.ts';

const EVENTS_MAX = 10_000;
const LINES_MAX = 100_000;

/** What the API serves. */
export interface Served {
  metrics: Metrics;
  metricsServer: MetricsServer;
  dashboard: Dashboard;
  refusals: Refusals;
  supervisor: Supervisor;
  commands: Commands;
  report: Report;
  shutdown: (withAgents: boolean) => void;
}

type Named = { Params: { name: string } };
type Query<T extends string> = { Querystring: Partial<Record<T, string>> };

/** Builds the API: HTTP with JSON, for the socket that only the supervisor's user can open. */
export function buildApi({
  supervisor,
  commands,
  report,
  metrics,
  metricsServer,
  dashboard,
  refusals,
  shutdown,
}: Served): FastifyInstance {
  const app = boundedApi(supervisor.log, refusals);
  app.get(API.status, () => report.status());
  app.get<Query<'fleet' | 'slots' | 'usage'>>(API.agents, ({ query: { fleet, slots, usage } }) =>
    report.agents(fleet === undefined ? supervisor.fleets.values() : [commands.get(fleet)], {
      slots: slots === undefined ? null : new Set(parseSlots(slots)),
      withUsage: usage === '1',
    }),
  );
  app.get<Query<'agents'>>(API.metrics, async ({ query }, reply) => {
    const { contentType, body } = await metrics.text(query.agents === '1');
    return reply.type(contentType).send(body);
  });
  app.post(API.metrics, async ({ body }) => {
    const { port } = readObject<{ port?: number | null }>(body, { port: 'any' });
    await metricsServer.set(readPort(port));
    return { port: metricsServer.port };
  });
  app.post(API.dashboard, async ({ body }) => {
    const { port } = readObject<DashboardRequest>(body, { port: 'any' });
    await dashboard.set(port === undefined ? undefined : readPort(port));
    return { url: dashboard.url };
  });
  app.post(API.maintenance, ({ body }) => {
    const request = readObject<MaintenanceRequest>(body, { on: 'boolean', forMs: 'number' });
    return { maintenance: supervisor.maintenance.set(request) };
  });
  app.post<Named>(API.spawn(':name'), ({ params, body }) => commands.spawn(params.name, readSpawn(body)));
  app.post<Named>(API.kill(':name'), ({ params, body }) => commands.kill(params.name, readKill(body)));
  app.post<Named>(API.restart(':name'), ({ params, body }) =>
    commands.restart(params.name, readRestart(body)),
  );
  app.post<Named>(API.hold(':name'), async ({ params }) => {
    await commands.hold(params.name);
    return report.counts(commands.get(params.name));
  });
  app.post<Named>(API.resume(':name'), async ({ params }) => {
    await commands.resume(params.name);
    return report.counts(commands.get(params.name));
  });
  app.get<Named>(API.fleet(':name'), ({ params }) => {
    const { spec, baseDir } = commands.get(params.name).fleet.record;
    return { spec, baseDir };
  });
  app.delete<Named & Query<'purge'>>(API.fleet(':name'), async ({ params, query }) => {
    await commands.remove(params.name, query.purge === 'true');
    return { fleet: params.name };
  });
  app.post(API.shutdown, ({ body }) => {
    const { withAgents } = readObject<ShutdownRequest>(body, { withAgents: 'boolean' });
    setImmediate(() => shutdown(withAgents ?? false));
    return { pid: process.pid };
  });

  serveRollouts(app, supervisor, commands);
  app.get<Query<'fleet'>>(API.strays, ({ query }) => listStrays(supervisor, named(commands, query.fleet)));
  app.post<Named>(API.actOnStrays(':name'), ({ params, body }) =>
    commands.actOnStrays(params.name, readStrays(body)),
  );
  app.get<Query<'fleet'>>(API.watchdog, ({ query }) => watchOnce(supervisor, named(commands, query.fleet)));

  app.get<Named & Query<'goal'>>(API.watch(':name'), (request, reply) => {
    const goal = parseGoal(request.query.goal ?? '');
    const runner = commands.get(request.params.name);
    const lines = watchGoal(supervisor, report, runner, goal, closed(request));
    return sendLines(reply, lines);
  });
  app.get<Named & Query<'top' | 'pss'>>(API.memory(':name'), ({ params, query }) =>
    report.memory(
      commands.get(params.name),
      Math.min(count(query.top, 0), AGENTS_MAX),
      query.pss === 'all' ? 'all' : 'some',
    ),
  );
  app.get<Named & Query<'since'>>(API.samples(':name'), ({ params, query }) =>
    report.samples(commands.get(params.name), count(query.since, 0)),
  );
  app.get<Query<'fleet' | 'after' | 'limit' | 'follow'>>(API.events, (request, reply) => {
    const { fleet = null, after, limit, follow } = request.query;
    if (fleet !== null) commands.get(fleet);
    const first = supervisor.journal.read(
      fleet,
      count(after, 0),
      Math.min(count(limit, EVENTS_MAX), EVENTS_MAX),
    );
    return sendLines(reply, follow === '1' ? followEvents(supervisor, fleet, first, request) : first);
  });
  app.get<{ Params: { name: string; slot: string } } & Query<'lines' | 'follow'>>(
    '/v1/fleets/:name/slots/:slot/log',
    (request, reply) => {
      const { name, slot } = request.params;
      const { lines, follow } = request.query;
      const path = commands.get(name).watch(Output).written(slotNumber(slot));
      const linesMax = Math.min(count(lines, 100), LINES_MAX);
      const { logs } = supervisor.host.files;
      const content = logs.read(path, linesMax, follow === '1', closed(request));
      return reply.type('application/octet-stream').send(Readable.from(content));
    },
  );
  return app;
}

// ── requests ──

/** @throws FleetError USAGE for anything but the digits of one slot */
function slotNumber(text: string): number {
  const slots = /^\d+$/.test(text) ? parseSlots(text) : [];
  if (slots.length === 1) return slots[0]!;
  throw new FleetError('USAGE', `a slot is a whole number; found ${JSON.stringify(text.slice(0, 60))}`);
}

function readSpawn(body: unknown): SpawnRequest {
  const request = readObject<SpawnRequest>(body, {
    target: 'number',
    spec: 'any',
    baseDir: 'string',
    force: 'boolean',
  });
  if (request.target !== undefined) checkCount('target', request.target);
  const { baseDir } = request;
  if (baseDir !== undefined && (!isAbsolute(baseDir) || baseDir.includes('\0')))
    throw new FleetError(
      'REQUEST_INVALID',
      `baseDir must be an absolute path; found ${JSON.stringify(baseDir)}`,
    );
  return request;
}

function readKill(body: unknown): KillRequest {
  const request = readObject<KillRequest>(body, { count: 'number', slots: 'string', all: 'boolean' });
  if (request.count !== undefined) checkCount('count', request.count);
  if (request.all === false || Object.keys(request).length !== 1)
    throw new FleetError('REQUEST_INVALID', 'kill takes one of count, slots and all');
  return request;
}

function readRestart(body: unknown): RestartRequest {
  return readObject<RestartRequest>(body, { slots: 'string', latest: 'boolean' });
}

function readStrays(body: unknown): StraysRequest {
  const request = readObject<StraysRequest>(body, { action: 'string', pids: 'any' });
  const isSound =
    (request.action === 'adopt' || request.action === 'kill') &&
    (request.pids === undefined || (Array.isArray(request.pids) && request.pids.every(Number.isInteger)));
  if (isSound) return request;
  throw new FleetError('REQUEST_INVALID', 'strays takes the action adopt or kill, and a list of pids');
}

/** The name of a fleet that is known, or null for all. @throws FleetError UNKNOWN */
function named(commands: Commands, fleet: string | undefined): string | null {
  return fleet === undefined ? null : commands.get(fleet).name;
}

function readPort(port: unknown): number | null {
  if (port === null) return null;
  if (typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= PORT_MAX) return port;
  throw new FleetError('USAGE', `the port is ${port}; it must be a whole number from 1 to ${PORT_MAX}`);
}

function checkCount(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 0 || value > AGENTS_MAX) {
    throw new FleetError('USAGE', `${name} is ${value}; it must be a whole number from 0 to ${AGENTS_MAX}`);
  }
}

/** As many as there are slot numbers. */
const AGENTS_MAX = 1_000_000;

function count(text: string | undefined, otherwise: number): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : otherwise;
}
