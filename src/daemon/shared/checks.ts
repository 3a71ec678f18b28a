import pLimit from 'p-limit';
import { parseNotification } from '../../fleet/notification.ts';
import type { Host, HttpPlace, Launch, Sockets } from '../../host/host.ts';
import {
  ANY_ADDRESS,
  LOOPBACK_ADDRESS,
  type PortTable,
  type Protocol,
  rangeOf,
} from '../../host/proc/port-table.ts';
import type { Result } from '../../host/sys/result.ts';
import type { Ready } from '../../specification/spec.ts';

/** An agent to be checked. */
export interface CheckedAgent {
  key: string;
  slot: number;
  pid: number;
  /** The release that it was started with. */
  release: string;
  /** Milliseconds since its start. */
  ageMs: number;
  port: number | null;
  socket: string;
  /** The process of an exec check. */
  helper: () => Launch;
}

/** The result of a check: null if it passed, else what is wrong. */
export type Problem = string | null;

const HTTP_CONCURRENCY = 64;
const EXEC_CONCURRENCY = 4;
/** The maximum time of one check; readiness as a whole has `ready.timeout`. */
const CHECK_TIMEOUT_MS = 5_000;

/** Kinds that check all agents at once, and so cost the same for one as for all. */
const IS_BULK: Readonly<Record<Ready['kind'], boolean>> = {
  tcp: true,
  udp: true,
  port: true,
  notify: true,
  after: true,
  socket: false,
  http: false,
  exec: false,
};

/** Whether checks of this kind cover all agents at once. */
export function isBulkKind(kind: Ready['kind']): boolean {
  return IS_BULK[kind];
}

/** Kinds that ask the host or the agent; for the others, it is known already. */
type Probed = Exclude<Ready, { kind: 'after' | 'notify' }>;

/** Carries out readiness and health checks of all kinds. */
export class Checks {
  readonly #host: Host;
  /** The sockets of each port that were proved to be the agent's own: proved once, then only compared. */
  readonly #proved = new Map<string, string>();
  readonly #notifications = new Map<string, { ready: boolean; watchdogAt: number }>();
  readonly #http = pLimit(HTTP_CONCURRENCY);
  readonly #exec = pLimit(EXEC_CONCURRENCY);

  constructor(host: Host) {
    this.#host = host;
  }

  /** Checks readiness of agents by the spec's own check. */
  readiness(ready: Ready, subjects: readonly CheckedAgent[]): Promise<Problem[]> {
    switch (ready.kind) {
      case 'after':
        return each(subjects, ({ ageMs }) =>
          ageMs >= ready.afterMs ? null : `up for less than ${ready.afterMs} ms`,
        );
      case 'notify':
        return each(subjects, ({ key }) =>
          this.#notifications.get(key)?.ready ? null : 'READY=1 not received',
        );
      default:
        return this.#probe(ready, subjects);
    }
  }

  /** Checks whether agents that were ready still are. @param everyMs the interval at which each is checked */
  health(ready: Ready, subjects: readonly CheckedAgent[], everyMs: number): Promise<Problem[]> {
    switch (ready.kind) {
      case 'after':
        return each(subjects, () => null);
      case 'notify':
        return each(subjects, (subject) => this.#watchdog(subject, everyMs));
      default:
        return this.#probe(ready, subjects);
    }
  }

  #probe(ready: Probed, subjects: readonly CheckedAgent[]): Promise<Problem[]> {
    switch (ready.kind) {
      case 'tcp':
      case 'udp':
        return this.#ports([ready.kind], subjects);
      case 'port':
        return this.#ports(['tcp', 'udp'], subjects);
      case 'socket':
        return each(subjects, ({ key, socket }) => this.#host.sockets.socketProblem(key, socket));
      case 'http':
        return this.#get(subjects, ready.path);
      case 'exec':
        return Promise.all(subjects.map((subject) => this.#exec(() => this.#execute(subject))));
    }
  }

  /**
   * Sends a POST to an agent, which is proved to be who answers before it is sent.
   * @returns what is wrong: another process answers, the status is not 2xx, or there is no answer in time
   */
  async post(subject: CheckedAgent, path: string, timeoutMs: number): Promise<Problem> {
    return this.#http(async () => {
      const [foreign] = this.#proveAnswering([subject]);
      return (
        foreign ?? problemOf('POST', path, await this.#host.sockets.post(placeOf(subject), path, timeoutMs))
      );
    });
  }

  /** An agent sent something to its notify socket (sd_notify(3)). */
  notified(key: string, text: string): void {
    const { ready, reloading, watchdog } = parseNotification(text);
    const known = this.#notifications.get(key) ?? { ready: false, watchdogAt: 0 };
    // One that reloads says so first, and READY=1 again once it is done; haproxy says both at once.
    if (ready || reloading) known.ready = ready;
    if (ready || watchdog) known.watchdogAt = this.#host.now();
    this.#notifications.set(key, known);
  }

  /** Another process of an agent serves from now on: its sockets are proved again. */
  succeeded(key: string): void {
    this.#proved.delete(key);
  }

  /** Forgets an agent that has ended. */
  forget(key: string): void {
    this.#proved.delete(key);
    this.#notifications.delete(key);
  }

  #watchdog({ key }: CheckedAgent, everyMs: number): Problem {
    const now = this.#host.now();
    const known = this.#notifications.get(key);
    // An adopted process has its full time from now on.
    if (!known) this.#notifications.set(key, { ready: true, watchdogAt: now });
    return !known || now - known.watchdogAt <= everyMs ? null : `no WATCHDOG=1 for ${everyMs} ms`;
  }

  #ports(protocols: readonly Protocol[], subjects: readonly CheckedAgent[]): Promise<Problem[]> {
    return Promise.resolve(this.#portProblems(protocols, subjects, () => true));
  }

  /**
   * Why ports are not proved to be the agents'. For one agent, as after an exit, it is enough to know who gets its
   * connections, if that is the agent alone; otherwise the kernel walks through all listeners.
   */
  #portProblems(
    protocols: readonly Protocol[],
    subjects: readonly CheckedAgent[],
    matters: (address: string) => boolean,
  ): Problem[] {
    const [one] = subjects;
    if (one && subjects.length === 1 && protocols.join() === 'tcp') {
      const table = this.#host.sockets.reachablePorts(one.port!);
      if (table && this.#portProblem(one, [table], matters) === null) return [null];
    }
    const tables = subjects.length > 0 ? this.#readPorts(protocols, subjects) : [];
    return subjects.map((subject) => this.#portProblem(subject, tables, matters));
  }

  #readPorts(protocols: readonly Protocol[], subjects: readonly CheckedAgent[]): PortTable[] {
    const range = rangeOf(subjects.flatMap(({ port }) => port ?? []));
    return protocols.map((protocol) => this.#host.sockets.readPorts(protocol, range));
  }

  /**
   * Why a port is not proved to be the agent's, and only the agent's: no client must reach another process.
   * @param matters whether a socket bound to this address could answer
   */
  #portProblem(
    { key, port }: CheckedAgent,
    tables: readonly PortTable[],
    matters: (address: string) => boolean,
  ): Problem {
    const bound = tables.map((table) =>
      table.inodes(port!).filter((inode) => matters(table.addressOf(inode))),
    );
    const inodes = bound.flat();
    if (inodes.length === 0) return `port ${port} is not open`;
    const known = inodes.join();
    if (this.#proved.get(key) === known) return null;
    const own = new Set(inodes.filter((inode) => this.#host.sockets.holds(key, [inode])));
    if (own.size === 0)
      return `port ${port} does not belong to the agent: held by ${this.#host.sockets.holderOf(inodes) ?? UNKNOWN_HOLDER}`;
    const foreign = tables.flatMap((table, i) => foreignAmong(table, bound[i]!, own));
    if (foreign.length > 0)
      return `port ${port} does not belong to the agent alone: also held by ${this.#host.sockets.holderOf(foreign) ?? UNKNOWN_HOLDER}`;
    this.#proved.set(key, known);
    return null;
  }

  /**
   * Sends a GET for a path to each agent. The responder is proved to be the agent itself before the request and again
   * after the answer, so that no other process can take its place in between.
   */
  async #get(subjects: readonly CheckedAgent[], path: string): Promise<Problem[]> {
    const before = this.#proveAnswering(subjects);
    const answers = await Promise.all(
      subjects.map(
        (subject, i) => before[i] ?? this.#http(() => getProblem(this.#host.sockets, subject, path)),
      ),
    );
    const answered = subjects.filter((_, i) => answers[i] === null);
    const after = new Map(this.#proveAnswering(answered).map((finding, i) => [answered[i]!, finding]));
    return subjects.map((subject, i) => answers[i] ?? after.get(subject) ?? null);
  }

  #proveAnswering(subjects: readonly CheckedAgent[]): Problem[] {
    const withPorts = subjects.filter(({ port }) => port !== null);
    const problems = this.#portProblems(['tcp'], withPorts, isAskedAtLoopback);
    const ofPorts = new Map(withPorts.map((subject, i) => [subject, problems[i]!]));
    return subjects.map((subject) =>
      subject.port === null
        ? this.#host.sockets.socketProblem(subject.key, subject.socket)
        : (ofPorts.get(subject) ?? null),
    );
  }

  async #execute({ helper }: CheckedAgent): Promise<Problem> {
    const end = await this.#host.processes.run(helper(), CHECK_TIMEOUT_MS);
    if (end === null) return `the check took more than ${CHECK_TIMEOUT_MS} ms`;
    if (end.code === 0) return null;
    return `the check ${end.signal === null ? `exited ${end.code}` : `was killed by ${end.signal}`}`;
  }
}

const UNKNOWN_HOLDER = 'a process of another user or namespace';

/** The sockets of other processes that could answer instead of the agent: at the same address, or at any. */
function foreignAmong(table: PortTable, inodes: readonly number[], own: ReadonlySet<number>): number[] {
  const addresses = inodes.filter((inode) => own.has(inode)).map((inode) => table.addressOf(inode));
  const competes = (address: string) =>
    addresses.some((mine) => mine === address || mine === ANY_ADDRESS || address === ANY_ADDRESS);
  return inodes.filter((inode) => !own.has(inode) && competes(table.addressOf(inode)));
}

/** Whether a socket at this address answers connections to 127.0.0.1. */
function isAskedAtLoopback(address: string): boolean {
  return address === ANY_ADDRESS || address === LOOPBACK_ADDRESS;
}

async function each(
  subjects: readonly CheckedAgent[],
  find: (subject: CheckedAgent) => Problem,
): Promise<Problem[]> {
  return subjects.map(find);
}

/** Sends a GET to the agent, at its port on loopback or else at its socket; anything but 2xx is a problem. */
async function getProblem(sockets: Sockets, subject: CheckedAgent, path: string): Promise<Problem> {
  return problemOf('GET', path, await sockets.get(placeOf(subject), path, CHECK_TIMEOUT_MS));
}

/** Where an agent answers HTTP. */
function placeOf({ port, socket }: CheckedAgent): HttpPlace {
  return port === null ? { socket } : { port };
}

function problemOf(method: string, path: string, answer: Result<number>): Problem {
  if (!answer.ok) return `${method} ${path}: ${answer.error.message}`;
  return answer.value >= 200 && answer.value < 300 ? null : `${method} ${path}: ${answer.value}`;
}
