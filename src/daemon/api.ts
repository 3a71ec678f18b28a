import { Readable } from 'node:stream';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type {
  DashboardRequest,
  FleetEvent,
  KillRequest,
  MaintenanceRequest,
  RestartRequest,
  ShutdownRequest,
  SpawnRequest,
} from '../api/protocol.ts';
import { API } from '../api/protocol.ts';
import type { StraysRequest } from '../api/strays.ts';
import { OWN_DESCRIPTORS } from '../doctor/descriptors.ts';
import { FleetError } from '../errors.ts';
import { readLog } from '../host/logfile.ts';
import { PORT_MAX } from '../spec/ports.ts';
import { parseSlots } from '../spec/slots.ts';
import type { Commands } from './commands.ts';
import type { Dashboard } from './dashboard/server.ts';
import type { Metrics } from './metrics.ts';
import type { MetricsServer } from './metrics-server.ts';
import type { Refusals } from './refusals.ts';
import type { Report } from './report.ts';
import { readObject } from './requests.ts';
import { serveRollouts } from './rollout-api.ts';
import { listStrays } from './strays.ts';
import type { Supervisor } from './supervisor.ts';
import { watchOnce } from './watchdog.ts';
import { parseGoal, watchGoal } from './watching.ts';

/**
 * What a client may take: bytes, time, and one connection among so many, which is half of what the doctor sets aside for
 * the supervisor's own descriptors. A client that neither reads nor writes is let go; one that follows may be silent.
 */
const BOUNDS = {
  bodyLimit: 1024 * 1024,
  requestTimeout: 30_000,
  keepAliveTimeout: 5_000,
  connectionTimeout: 60_000,
  http: { headersTimeout: 10_000, connectionsCheckingInterval: 2_000, maxHeaderSize: 16 * 1024 },
} as const;
const CONNECTIONS_MAX = OWN_DESCRIPTORS / 2;
const EVENTS_MAX = 10_000;
const LINES_MAX = 100_000;
const URL_SHOWN_MAX = 200;
/** A follower of events that reads slower than they come is let go when so many wait for it. */
const FOLLOWER_WAITING_MAX = 10_000;

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
  const app = Fastify({
    ...BOUNDS,
    forceCloseConnections: true,
    clientErrorHandler: (error, socket) => refuseBytes(error, socket, refusals),
    frameworkErrors: (error, _request, reply) => sendError(error, reply, supervisor, refusals),
  });
  app.server.maxConnections = CONNECTIONS_MAX;
  app.server.on('drop', () => refusals.add(`more than ${CONNECTIONS_MAX} connections at once`));
  app.addHook('onRequest', async ({ query }) => refuseRepetition(query as object));
  app.setErrorHandler((error, _request, reply) => sendError(error, reply, supervisor, refusals));
  app.setNotFoundHandler(({ method, url }, reply) => {
    const error = new FleetError('REQUEST_INVALID', `nothing at ${method} ${url.slice(0, URL_SHOWN_MAX)}`);
    return sendError(error, reply, supervisor, refusals);
  });

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
    const { spec, baseDir } = commands.get(params.name).record;
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
    const managed = commands.get(request.params.name);
    const lines = watchGoal(supervisor, report, managed, goal, closed(request));
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
      const path = supervisor.logs.written(commands.get(name), Number(slot));
      const content = readLog(path, Math.min(count(lines, 100), LINES_MAX), follow === '1', closed(request));
      return reply.type('application/octet-stream').send(Readable.from(content));
    },
  );
  return app;
}

// ── requests ──

/** A parameter that is given twice would come as a list, and which of them was meant nobody knows. */
function refuseRepetition(query: object): void {
  const repeated = Object.entries(query).find(([, value]) => Array.isArray(value));
  if (repeated) throw new FleetError('REQUEST_INVALID', `the parameter ${repeated[0]} is given twice`);
}

function readSpawn(body: unknown): SpawnRequest {
  const request = readObject<SpawnRequest>(body, {
    target: 'number',
    spec: 'any',
    baseDir: 'string',
    force: 'boolean',
  });
  if (request.target !== undefined) checkCount('target', request.target);
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

// ── answers ──

function sendError(
  error: unknown,
  reply: FastifyReply,
  supervisor: Supervisor,
  refusals: Refusals,
): FastifyReply {
  const known = error instanceof FleetError ? error : fromFramework(error as Error & { statusCode?: number });
  if (known.code === 'INTERNAL') supervisor.log.error({ err: error }, 'request failed');
  if (known.code === 'REQUEST_INVALID') refusals.add(known.message);
  return reply.code(known.exitCode === 2 ? 400 : 409).send({ error: known.toDocument() });
}

/** Answers what was no HTTP, or did not come to its end in time, and hangs up. */
function refuseBytes(
  { code, message }: NodeJS.ErrnoException,
  socket: FastifyRequest['socket'],
  refusals: Refusals,
): void {
  // Who has hung up first has sent nothing that could be refused.
  if (code === 'ECONNRESET' || socket.destroyed) return;
  refusals.add(`${code}: ${message}`);
  const error = new FleetError('REQUEST_INVALID', `no sound HTTP: ${message}`);
  const body = JSON.stringify({ error: error.toDocument() });
  const head = `HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`;
  if (socket.writable) socket.write(`${head}\r\nConnection: close\r\n\r\n${body}`);
  socket.destroySoon();
}

function fromFramework(error: Error & { statusCode?: number }): FleetError {
  const isClients = error.statusCode !== undefined && error.statusCode < 500;
  return new FleetError(isClients ? 'REQUEST_INVALID' : 'INTERNAL', error.message, { cause: error });
}

/** Aborts when the other end of a request is gone; a request that follows something may be silent as long as it likes. */
function closed({ raw: { socket } }: FastifyRequest): AbortSignal {
  const controller = new AbortController();
  socket.setTimeout(0);
  socket.once('close', () => controller.abort());
  return controller.signal;
}

function sendLines(reply: FastifyReply, lines: Iterable<object> | AsyncIterable<object>): FastifyReply {
  async function* format() {
    for await (const line of lines) yield `${JSON.stringify(line)}\n`;
  }
  return reply.type('application/x-ndjson').send(Readable.from(format()));
}

/** The first events, and then each as it happens, until the follower is gone or far behind. */
function followEvents(
  supervisor: Supervisor,
  fleet: string | null,
  first: readonly FleetEvent[],
  request: FastifyRequest,
): AsyncGenerator<FleetEvent> {
  const gone = closed(request);
  const waiting: FleetEvent[] = [...first];
  let wake = () => {};
  // In the turn in which the first were read: nothing that happens before somebody reads may be missed.
  const unfollow = supervisor.events.follow((event) => {
    if (fleet !== null && event.fleet !== fleet) return;
    waiting.push(event);
    if (waiting.length > FOLLOWER_WAITING_MAX) request.raw.socket.destroy();
    wake();
  });
  gone.addEventListener('abort', () => {
    unfollow();
    wake();
  });
  return (async function* () {
    while (!gone.aborted) {
      yield* waiting.splice(0);
      if (waiting.length === 0 && !gone.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  })();
}
