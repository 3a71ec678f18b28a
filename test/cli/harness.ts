import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach } from 'vitest';
import type { Accepted } from '../../src/api/accepted.ts';
import type { FleetStatus } from '../../src/api/fleets.ts';
import type { LeakStatus } from '../../src/api/leak.ts';
import type { StatusDocument } from '../../src/api/status.ts';
import type { WatchLine } from '../../src/api/watch.ts';
import { FleetError } from '../../src/errors/fleet-error.ts';
import type { ErrorCode } from '../../src/errors/table.ts';
import type { Goal } from '../../src/fleet/goal.ts';

const FLEETCTL = fileURLToPath(new URL('../../bin/fleetctl', import.meta.url));

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A request as the fake supervisor saw it: `POST /v1/fleets/web/kill`, its query and its body. */
export interface Seen {
  what: string;
  query: Record<string, string>;
  body: unknown;
}

export type Answer = (seen: Seen, response: ServerResponse) => void;

const cleanups: (() => void)[] = [];
const cache = mkdtempSync(join(tmpdir(), 'fleetctl-cache-'));
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});
afterAll(() => rmSync(cache, { recursive: true, force: true }));

/** A place of its own for one test: state, runtime and working directory. */
export class Place {
  readonly root = mkdtempSync(join(tmpdir(), 'fleetctl-'));
  readonly stateDir = join(this.root, 'state');
  readonly runtimeDir = join(this.root, 'run');
  readonly cwd = join(this.root, 'work');
  readonly seen: Seen[] = [];
  readonly children = new Set<ChildProcess>();

  constructor() {
    mkdirSync(this.runtimeDir);
    mkdirSync(this.cwd);
    cleanups.push(() => {
      for (const child of this.children) child.kill('SIGKILL');
      rmSync(this.root, { recursive: true, force: true });
    });
  }

  get socketPath(): string {
    return join(this.runtimeDir, 'fleetd.sock');
  }

  write(file: string, text: string | Uint8Array): void {
    writeFileSync(join(this.cwd, file), text);
  }

  /** Starts fleetctl; `child` for those who want to disturb it. */
  start(args: string[], program = FLEETCTL): { child: ChildProcess; ended: Promise<Ended> } {
    const env = {
      PATH: process.env.PATH,
      HOME: this.root,
      XDG_CACHE_HOME: cache,
      FLEETD_STATE_DIR: this.stateDir,
      FLEETD_RUNTIME_DIR: this.runtimeDir,
    };
    const child = spawn(program, args, { cwd: this.cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.children.add(child);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => (stdout += chunk));
    child.stderr.on('data', (chunk) => (stderr += chunk));
    const ended = new Promise<Ended>((resolve) => {
      child.on('close', (code) => {
        this.children.delete(child);
        resolve({ code, stdout, stderr });
      });
    });
    return { child, ended };
  }

  fleetctl(...args: string[]): Promise<Ended> {
    return this.start(args).ended;
  }

  /** Runs fleetctl on a terminal of its own, whose output is in stdout. */
  onTerminal(...args: string[]): Promise<Ended> {
    return this.start(['-qec', [FLEETCTL, ...args].join(' '), '/dev/null'], 'script').ended;
  }

  /** A supervisor that answers as told, status with `fleets` unless told otherwise; the rest is 404. */
  async supervise(fleets: FleetStatus[], answers: Record<string, Answer> = {}): Promise<Server> {
    const all: Record<string, Answer> = {
      'GET /v1/status': json(statusOf(fleets)),
      'GET /v1/fleets': json({
        fleets: fleets.map(({ name }) => name),
        labels: Object.fromEntries(fleets.map(({ name, labels }) => [name, labels])),
      }),
      ...answers,
    };
    const server = createServer(async (request, response) => {
      const seen = await seenIn(request);
      this.seen.push(seen);
      (all[seen.what] ?? refuse('INTERNAL', 404))(seen, response);
    });
    await new Promise<void>((resolve) => server.listen(this.socketPath, resolve));
    cleanups.push(() => {
      server.close();
      server.closeAllConnections();
    });
    return server;
  }

  /** The bodies that a request came with. */
  bodies(what: string): unknown[] {
    return this.seen.filter((seen) => seen.what === what).map(({ body }) => body);
  }
}

async function seenIn(request: IncomingMessage): Promise<Seen> {
  let text = '';
  for await (const chunk of request) text += chunk;
  const url = new URL(request.url!, 'http://fleetd');
  return {
    what: `${request.method} ${url.pathname}`,
    query: Object.fromEntries(url.searchParams),
    body: text === '' ? undefined : JSON.parse(text),
  };
}

export function json(document: unknown): Answer {
  return (_seen, response) => response.end(JSON.stringify(document));
}

/** JSON lines, after which the stream ends. */
export function lines(...items: unknown[]): Answer {
  return (_seen, response) => response.end(items.map((item) => `${JSON.stringify(item)}\n`).join(''));
}

export function refuse(code: ErrorCode, httpStatus = 409): Answer {
  const error = new FleetError(code, `because of ${code}`, { hint: 'the hint' }).toDocument();
  return (_seen, response) => {
    response.statusCode = httpStatus;
    response.end(JSON.stringify({ error }));
  };
}

const NO_LEAK: LeakStatus = {
  verdict: 'none',
  bytesPerHour: 0,
  since: null,
  cohort: null,
  agents: [],
  exhaustsAt: null,
  words: '',
};

export function fleetOf(name: string, fields: Partial<FleetStatus> = {}): FleetStatus {
  const states = { running: 3, ready: 3, starting: 0, stopping: 0, backoff: 0, failed: 0 };
  const none = {
    held: null,
    rssBytes: null,
    pssBytes: null,
    leak: NO_LEAK,
    memory: { fleet: name, agents: 0, rss: null, pssMeanBytes: null, cohorts: [], top: [] },
    rollout: null,
    reload: null,
    pressure: null,
    pace: null,
    verify: null,
    completed: 0,
    releases: [{ release: 'r1', agents: 3 }],
    labels: {},
  };
  return { name, target: 3, ...states, ...none, release: 'r1', ...fields };
}

export function statusOf(fleets: FleetStatus[]): StatusDocument {
  return {
    supervisor: { pid: 4242, version: '0.1.0', uptimeSeconds: 61, rssBytes: 50 * 1024 * 1024 },
    host: { memoryTotalBytes: 2 ** 33, memoryAvailableBytes: 2 ** 32, memoryPressure: null, agentsMax: 9000 },
    fleets,
    maintenance: null,
  };
}

export function accepted(fleet: string, goal: Goal, notes: string[] = []): Accepted {
  return { fleet, target: 3, notes, goal };
}

export function progress(name: string, done: number, of: number): WatchLine {
  const {
    leak: _leak,
    memory: _memory,
    pace: _pace,
    rollout: _rollout,
    reload: _reload,
    releases: _releases,
    labels: _labels,
    ...counts
  } = fleetOf(name, { ready: done, target: of });
  return { kind: 'progress', done, of, counts };
}

export const SPEC = 'name: web\ncommand: [./daemon]\ntarget: 3\n';
