import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AgentDocument, type HistoryDocument, PAGE_API } from '../../api/dashboard.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import { Output } from '../fleet/output.ts';
import type { FleetRunner } from '../fleet/runner.ts';
import type { Report } from '../report/report.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import type { Audience } from './audience.ts';
import { pageFile } from './files.ts';
import { cellState, releaseName } from './fleet-view.ts';
import type { History } from './history.ts';
import type { HostHistory } from './host-history.ts';

/** What a browser must enforce, whatever gets into the page. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
};
const OUTPUT_LINES = 40;
const OUTPUT_CHARS_MAX = 16_384;
const HISTORY_MS = 24 * 3_600_000;

/** What the answers are made from. */
export interface Sources {
  supervisor: Supervisor;
  report: Report;
  audience: Audience;
  history: History;
  hostHistory: HostHistory;
  token: string;
}

/** Answers a request that has passed the guard. @throws FleetError if it asks for something that does not exist */
export async function answer(
  sources: Sources,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { history, supervisor } = sources;
  switch (url.pathname) {
    case PAGE_API.stream:
      follow(sources, request, response);
      return;
    case PAGE_API.agent:
      return sendJson(response, await agentDocument(sources, url.searchParams));
    case PAGE_API.history: {
      const { name } = fleetOf(supervisor, url.searchParams);
      const document: HistoryDocument = {
        ...(await history.read(name, Date.now() - HISTORY_MS)),
        host: sources.hostHistory.columns,
      };
      return sendJson(response, document);
    }
    default: {
      const file = pageFile(url.pathname, sources.token);
      if (file) response.writeHead(200, { ...HEADERS, 'content-type': file.type }).end(file.body);
      else sendText(response, 404, 'There is nothing at this path.');
    }
  }
}

function follow({ audience }: Sources, { headers }: IncomingMessage, response: ServerResponse): void {
  if (!audience.hasRoom) {
    sendText(response, 503, 'Too many browsers follow.');
    return;
  }
  const lastId = headers['last-event-id'];
  response.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream' });
  audience.join(response, typeof lastId === 'string' ? lastId : null);
}

/** Answers with a line of text. */
export function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { ...HEADERS, 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}

function sendJson(response: ServerResponse, document: object): void {
  response.writeHead(200, { ...HEADERS, 'content-type': 'application/json' }).end(JSON.stringify(document));
}

function fleetOf({ fleets }: Supervisor, query: URLSearchParams): FleetRunner {
  const name = query.get('fleet') ?? '';
  const runner = fleets.get(name);
  if (runner) return runner;
  throw FleetError.of('UNKNOWN.fleet', { fleet: name.slice(0, 40) });
}

async function agentDocument(
  { supervisor, report }: Sources,
  query: URLSearchParams,
): Promise<AgentDocument> {
  const runner = fleetOf(supervisor, query);
  const number = Number(query.get('slot'));
  const slot = runner.fleet.slots.get(number);
  if (!slot) throw new FleetError('SLOT_UNKNOWN', `fleet ${runner.name} has no slot ${number}`);
  const { agent } = slot;
  const row = report.agent(runner, number);
  return {
    agent: row?.release ? { ...row, release: releaseName(runner, row.release) } : row,
    state: cellState(slot),
    why: 'reason' in agent ? agent.reason : 'waitingFor' in agent ? agent.waitingFor || null : null,
    dueInMs: agent.state === 'backoff' ? Math.max(0, agent.due - supervisor.host.now()) : null,
    output: await lastOutput(runner, number),
  };
}

/** The end of an agent's output, of stderr by itself if it has a log of its own; if there is none, the reason. */
async function lastOutput(runner: FleetRunner, slot: number): Promise<string> {
  try {
    const output = runner.watch(Output);
    output.written(slot);
    const texts: string[] = [];
    for (const { path, stream } of output.logs(slot)) {
      const text = await lastLines(runner, path, stream === null ? OUTPUT_LINES : OUTPUT_LINES / 2);
      texts.push(stream === null || text === '' ? text : `── ${stream} ──\n${text}`);
    }
    return texts.join('');
  } catch (error) {
    if (error instanceof FleetError) return `(${error.message})`;
    throw error;
  }
}

async function lastLines({ services }: FleetRunner, path: string, lines: number): Promise<string> {
  const chunks: Buffer[] = [];
  const { logs } = services.host.files;
  for await (const chunk of logs.read(path, lines, false, AbortSignal.abort())) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8').slice(-OUTPUT_CHARS_MAX);
}
