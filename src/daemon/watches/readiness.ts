import { type Run, runOf } from '../../fleet/agent.ts';
import { unitHash } from '../../fleet/restart.ts';
import type { Host } from '../../host/host.ts';
import type { Ready } from '../../specification/spec.ts';
import type { Managed } from '../fleet/managed.ts';
import type { Journal } from '../journal.ts';
import { type CheckedAgent, type Checks, isBatchKind, type Problem } from './checks.ts';

/** Agents that are starting are looked at after so long, then ever less often as they take their time. */
const POLL_MS = { min: 5, max: 500 } as const;
const POLL_PER_AGE = 1 / 4;
/** A look may take this share of the loop's time: the next one waits so many times as long as the last one took. */
const POLL_COST_FACTOR = 20;
/** Health checks of a fleet are spread over so many moments of their period. */
const HEALTH_BUCKETS = 16;
const HEALTH_TICK_MS_MIN = 250;
/** At most so many single checks (http, socket, exec) a second for a fleet. */
const HEALTH_CHECKS_PER_SECOND_MAX = 500;

/** What readiness needs from the supervisor. */
interface Parts {
  host: Host;
  journal: Journal;
  checks: Checks;
  wake: (managed: Managed) => void;
  /** An agent's state changed in a way that the next supervisor should know. */
  noteRun: (managed: Managed, slot: number) => void;
  /** An agent got ready so long after its start. */
  onReady: (managed: Managed, afterMs: number) => void;
  /** A look failed as a whole. */
  onProblem: (error: Error) => void;
  subject: (managed: Managed, slot: number, run: Run) => CheckedAgent;
}

/** Asks agents whether they are ready, and then, where the spec says so, whether they still are. */
export class Readiness {
  readonly #parts: Parts;
  /** The fleets that are looked at, and when each was last: milliseconds since boot. */
  readonly #polling = new Map<string, number>();
  readonly #hurried = new Set<string>();
  readonly #health = new Map<string, NodeJS.Timeout>();
  #stopped = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Agents of this fleet have been started: look at them until they are ready or gone. */
  expect(managed: Managed): void {
    if (this.#polling.has(managed.name) || this.#stopped) return;
    this.#polling.set(managed.name, this.#parts.host.now());
    this.#pollAfter(managed, POLL_MS.min);
  }

  /** Begins, ends or changes the health checks of a fleet as its spec says now. */
  followSpec(managed: Managed): void {
    this.forget(managed);
    const { health, ready } = managed.fleet.spec;
    if (!health || this.#stopped) return;
    const buckets = isBatchKind(ready.kind)
      ? 1
      : Math.max(1, Math.min(HEALTH_BUCKETS, Math.floor(health.everyMs / HEALTH_TICK_MS_MIN)));
    const tickMs = Math.max(HEALTH_TICK_MS_MIN, health.everyMs / buckets);
    let tick = 0;
    let waiting: number[] = [];
    let busy = false;
    const timer = setInterval(async () => {
      waiting.push(...this.#due(managed, tick++ % buckets, buckets));
      if (busy) return;
      const count =
        buckets === 1 ? waiting.length : Math.ceil((HEALTH_CHECKS_PER_SECOND_MAX * tickMs) / 1000);
      const now = waiting.slice(0, count);
      waiting = waiting.slice(count);
      busy = true;
      await this.#checkHealth(managed, now, health.everyMs).catch((error: Error) => this.#failed(error));
      busy = false;
    }, tickMs);
    this.#health.set(managed.name, timer);
  }

  /** Ends the health checks of a fleet. */
  forget(managed: Managed): void {
    clearInterval(this.#health.get(managed.name));
    this.#health.delete(managed.name);
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#health.values()) clearInterval(timer);
  }

  /** Told by an agent itself (READY=1): worth a look soon, together with others that say so. */
  checkSoon(managed: Managed): void {
    if (this.#hurried.has(managed.name)) return;
    this.#hurried.add(managed.name);
    setTimeout(() => {
      this.#hurried.delete(managed.name);
      void this.#poll(managed).catch((error: Error) => this.#failed(error));
    }, POLL_MS.min);
  }

  /** A look that failed as a whole (no descriptor left for it, say) says nothing about the agents: the next one may not. */
  #failed(error: Error): number {
    this.#parts.onProblem(error);
    return POLL_MS.max;
  }

  #pollAfter(managed: Managed, delayMs: number): void {
    setTimeout(async () => {
      if (this.#stopped) return;
      const begun = performance.now();
      const youngestMs = await this.#poll(managed).catch((error: Error) => this.#failed(error));
      if (managed.fleet.queues.starting.size === 0) {
        this.#polling.delete(managed.name);
        return;
      }
      const wishMs = Math.max(youngestMs * POLL_PER_AGE, (performance.now() - begun) * POLL_COST_FACTOR);
      this.#pollAfter(managed, Math.min(POLL_MS.max, Math.max(POLL_MS.min, wishMs)));
    }, delayMs);
  }

  /** One look at all agents that are starting. @returns the age of the youngest */
  async #poll(managed: Managed): Promise<number> {
    const { fleet, name } = managed;
    const subjects = this.#subjects(managed, fleet.queues.starting).filter(({ key }) =>
      this.#parts.host.processes.isContained(key),
    );
    let youngestMs = Number.POSITIVE_INFINITY;
    const { checks, host } = this.#parts;
    const lookMs = this.#sinceLook(name);
    await this.#check(managed, subjects, checks.readiness.bind(checks), (subject, finding) => {
      const now = host.now();
      youngestMs = Math.min(youngestMs, subject.ageMs);
      if (finding !== null) {
        fleet.notReadyBecause(subject.slot, finding);
        return;
      }
      fleet.ready(subject.slot, now, lookMs);
      this.#parts.onReady(managed, subject.ageMs);
      this.#parts.noteRun(managed, subject.slot);
      this.#parts.journal.slot('ready', name, subject.slot, 'ready');
    });
    this.#parts.wake(managed);
    return Number.isFinite(youngestMs) ? youngestMs : 0;
  }

  /** How long a fleet had not been looked at until now; 0 where nothing was expected of it. */
  #sinceLook(name: string): number {
    const now = this.#parts.host.now();
    const before = this.#polling.get(name);
    if (before === undefined) return 0;
    this.#polling.set(name, now);
    return now - before;
  }

  #due(managed: Managed, bucket: number, buckets: number): number[] {
    const due: number[] = [];
    for (const { number, agent } of managed.fleet.slots.values()) {
      if (agent.state !== 'ready' && agent.state !== 'unready') continue;
      if (Math.floor(unitHash(number) * buckets) === bucket) due.push(number);
    }
    return due;
  }

  async #checkHealth(managed: Managed, slots: readonly number[], everyMs: number): Promise<void> {
    const { fleet, name } = managed;
    // An older release may know of no health checks, and say nothing that they ask for.
    const subjects = this.#subjects(managed, slots).filter(({ release }) => managed.specOf(release).health);
    const { checks, host } = this.#parts;
    const check = (ready: Ready, alike: readonly CheckedAgent[]) => checks.health(ready, alike, everyMs);
    await this.#check(managed, subjects, check, ({ slot }, finding) => {
      const now = host.now();
      const before = fleet.slot(slot).agent.state;
      if (finding === null) fleet.healthy(slot, now);
      else fleet.unhealthy(slot, finding, now);
      if (before === 'unready' && finding === null)
        this.#parts.journal.slot('healthy', name, slot, 'healthy again');
      if (before === 'ready' && finding !== null) this.#parts.journal.slot('unhealthy', name, slot, finding);
    });
    this.#parts.wake(managed);
  }

  /** Asks agents what their own release is to be asked, and passes on what was found. */
  async #check(
    managed: Managed,
    subjects: readonly CheckedAgent[],
    check: (ready: Ready, subjects: readonly CheckedAgent[]) => Promise<Problem[]>,
    use: (subject: CheckedAgent, finding: Problem) => void,
  ): Promise<void> {
    const byRelease = Map.groupBy(subjects, ({ release }) => release);
    await Promise.all(
      [...byRelease].map(async ([release, alike]) => {
        this.#each(managed, alike, await check(managed.specOf(release).ready, alike), use);
      }),
    );
  }

  #subjects(managed: Managed, slots: Iterable<number>): CheckedAgent[] {
    const subjects: CheckedAgent[] = [];
    for (const slot of slots) {
      const agent = managed.fleet.slots.get(slot)?.agent;
      const run = agent && runOf(agent);
      if (run) subjects.push(this.#parts.subject(managed, slot, run));
    }
    return subjects;
  }

  /** Passes on what was found of agents that are still the same: meanwhile one may have ended, another come. */
  #each(
    managed: Managed,
    subjects: readonly CheckedAgent[],
    findings: readonly Problem[],
    use: (subject: CheckedAgent, finding: Problem) => void,
  ): void {
    for (const [i, subject] of subjects.entries()) {
      const agent = managed.fleet.slots.get(subject.slot)?.agent;
      if (agent && runOf(agent)?.pid === subject.pid) use(subject, findings[i] ?? null);
    }
  }
}
