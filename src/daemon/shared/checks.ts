import pLimit from 'p-limit';
import { parseNotification } from '../../fleet/notification.ts';
import type { Host, Launch } from '../../host/host.ts';
import type { Protocol } from '../../host/proc/port-table.ts';
import type { Check, CodeRange } from '../../specification/spec.ts';
import { answerPlace } from './answer-place.ts';
import { PortProof, type Problem } from './port-proof.ts';

export type { Problem } from './port-proof.ts';

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
  /** Its own address, where it has one. */
  address: string | null;
  socket: string;
  /** Fills in a template for its slot. */
  fill: (template: string) => string;
  /** The process of an exec check. @param where the key of the spec, for messages */
  helper: (argv: readonly string[], where: string) => Launch;
}

const HTTP_CONCURRENCY = 64;
const EXEC_CONCURRENCY = 4;
/** The maximum time of one check of an agent that starts; readiness as a whole has `ready.timeout`. */
const CHECK_TIMEOUT_MS = 5_000;

/** The status codes by which an agent says that it has done what a POST asks for. */
const POST_SUCCEEDED: readonly CodeRange[] = [[200, 299]];

/** How a check asks the agent. */
interface Way {
  /** The key of the spec that has the check, for messages. */
  path: 'ready' | 'health.check';
  timeoutMs: number;
}

/** How health is checked. */
export interface HealthCheck {
  /** Null: the ready check. */
  check: Check | null;
  /** The interval at which each agent is checked. */
  everyMs: number;
  timeoutMs: number;
}

/** Kinds that check all agents at once, and so cost the same for one as for all. */
const IS_BULK: Readonly<Record<Check['kind'], boolean>> = {
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
export function isBulkKind(kind: Check['kind']): boolean {
  return IS_BULK[kind];
}

/** Kinds that ask the host or the agent; for the others, it is known already. */
type Probed = Exclude<Check, { kind: 'after' | 'notify' }>;

/** Carries out readiness and health checks of all kinds. */
export class Checks {
  readonly #host: Host;
  readonly #proof: PortProof;
  /** What agents have said; `ready` is null of one that has said nothing of it to this supervisor. */
  readonly #notifications = new Map<string, { ready: boolean | null; watchdogAt: number }>();
  readonly #http = pLimit(HTTP_CONCURRENCY);
  readonly #exec = pLimit(EXEC_CONCURRENCY);

  constructor(host: Host) {
    this.#host = host;
    this.#proof = new PortProof(host.sockets);
  }

  /** Checks readiness of agents by the spec's own check. */
  readiness(ready: Check, subjects: readonly CheckedAgent[]): Promise<Problem[]> {
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
        return this.#probe(ready, subjects, { path: 'ready', timeoutMs: CHECK_TIMEOUT_MS });
    }
  }

  /** Checks whether agents that were ready are so again after a reload. */
  reloaded(ready: Check, subjects: readonly CheckedAgent[]): Promise<Problem[]> {
    if (ready.kind !== 'notify') return this.readiness(ready, subjects);
    // One that was adopted has said READY=1 to a former supervisor, and need not repeat it.
    return each(subjects, ({ key }) =>
      this.#notifications.get(key)?.ready === false ? 'READY=1 not received' : null,
    );
  }

  /** Checks whether agents that were ready still are. @param ready the ready check of their spec */
  health(
    { check, everyMs, timeoutMs }: HealthCheck,
    ready: Check,
    subjects: readonly CheckedAgent[],
  ): Promise<Problem[]> {
    const chosen = check ?? ready;
    switch (chosen.kind) {
      case 'after':
        return each(subjects, () => null);
      case 'notify':
        return each(subjects, (subject) => this.#watchdog(subject, everyMs));
      default:
        return this.#probe(chosen, subjects, { path: check === null ? 'ready' : 'health.check', timeoutMs });
    }
  }

  #probe(check: Probed, subjects: readonly CheckedAgent[], way: Way): Promise<Problem[]> {
    switch (check.kind) {
      case 'tcp':
      case 'udp':
        return this.#ports([check.kind], subjects);
      case 'port':
        return this.#ports(['tcp', 'udp'], subjects);
      case 'socket':
        return each(subjects, ({ key, socket }) => this.#host.sockets.socketProblem(key, socket));
      case 'http':
        return this.#get(subjects, check, way);
      case 'exec':
        return Promise.all(
          subjects.map((subject) => this.#exec(() => this.#execute(subject, check.argv, way))),
        );
    }
  }

  /**
   * Sends a POST to an agent, which is proved to be who answers before it is sent.
   * @returns what is wrong: another process answers, the status is not 2xx, or there is no answer in time
   */
  async post(subject: CheckedAgent, path: string, timeoutMs: number): Promise<Problem> {
    return this.#http(async () => {
      const [foreign] = this.#proveAnswering([subject]);
      if (foreign) return foreign;
      const answer = await this.#host.sockets.post(answerPlace(subject), path, { timeoutMs });
      if (!answer.ok) return `POST ${path}: ${answer.error.message}`;
      return isAmong(answer.value, POST_SUCCEEDED) ? null : `POST ${path}: ${answer.value}`;
    });
  }

  /** An agent sent something to its notify socket (sd_notify(3)). */
  notified(key: string, text: string): void {
    const { ready, reloading, watchdog } = parseNotification(text);
    const known = this.#notifications.get(key) ?? { ready: null, watchdogAt: 0 };
    // One that reloads says so first, and READY=1 again once it is done; haproxy says both at once.
    if (ready || reloading) known.ready = ready;
    if (ready || watchdog) known.watchdogAt = this.#host.now();
    this.#notifications.set(key, known);
  }

  /** Another process of an agent serves from now on: its sockets are proved again. */
  succeeded(key: string): void {
    this.#proof.forget(key);
  }

  /** Forgets an agent that has ended. */
  forget(key: string): void {
    this.#proof.forget(key);
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
    return Promise.resolve(this.#proof.problems(protocols, subjects, 'everywhere'));
  }

  /**
   * Sends a GET for a path to each agent. The responder is proved to be the agent itself before the request and again
   * after the answer, so that no other process can take its place in between.
   */
  async #get(subjects: readonly CheckedAgent[], check: HttpCheck, way: Way): Promise<Problem[]> {
    const before = this.#proveAnswering(subjects);
    const answers = await Promise.all(
      subjects.map((subject, i) => before[i] ?? this.#http(() => this.#getOne(subject, check, way))),
    );
    const answered = subjects.filter((_, i) => answers[i] === null);
    const after = new Map(this.#proveAnswering(answered).map((finding, i) => [answered[i]!, finding]));
    return subjects.map((subject, i) => answers[i] ?? after.get(subject) ?? null);
  }

  #proveAnswering(subjects: readonly CheckedAgent[]): Problem[] {
    const withPorts = subjects.filter(({ port }) => port !== null);
    const problems = this.#proof.problems(['tcp'], withPorts, 'loopback');
    const ofPorts = new Map(withPorts.map((subject, i) => [subject, problems[i]!]));
    return subjects.map((subject) =>
      subject.port === null
        ? this.#host.sockets.socketProblem(subject.key, subject.socket)
        : (ofPorts.get(subject) ?? null),
    );
  }

  async #getOne(
    subject: CheckedAgent,
    { path, status, host, headers }: HttpCheck,
    way: Way,
  ): Promise<Problem> {
    const filled = Object.entries(headers).map(([name, value]) => [name, subject.fill(value)]);
    const answer = await this.#host.sockets.get(answerPlace(subject), path, {
      timeoutMs: way.timeoutMs,
      headers: { ...Object.fromEntries(filled), ...(host !== null && { host }) },
    });
    if (!answer.ok) return `GET ${path}: ${answer.error.message}`;
    return isAmong(answer.value, status) ? null : `GET ${path}: ${answer.value}`;
  }

  async #execute({ helper }: CheckedAgent, argv: readonly string[], way: Way): Promise<Problem> {
    const end = await this.#host.processes.run(helper(argv, `${way.path}.exec`), way.timeoutMs);
    if (end === null) return `the check took more than ${way.timeoutMs} ms`;
    if (end.code === 0) return null;
    return `the check ${end.signal === null ? `exited ${end.code}` : `was killed by ${end.signal}`}`;
  }
}

type HttpCheck = Extract<Check, { kind: 'http' }>;

/** Whether a status code is in one of these ranges. */
function isAmong(code: number, ranges: readonly CodeRange[]): boolean {
  return ranges.some(([from, to]) => code >= from && code <= to);
}

async function each(
  subjects: readonly CheckedAgent[],
  find: (subject: CheckedAgent) => Problem,
): Promise<Problem[]> {
  return subjects.map(find);
}
