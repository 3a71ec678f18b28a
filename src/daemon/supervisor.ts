import type { Logger } from 'pino';
import { type Run, runOf } from '../fleet/agent.ts';
import type { Hold } from '../fleet/hold.ts';
import { plan } from '../fleet/plan.ts';
import { type AgentExit, describeExit } from '../fleet/restart.ts';
import type { RolloutChange } from '../fleet/rollout/changes.ts';
import type { Executors, Step } from '../fleet/steps.ts';
import type { Host, SlotFiles, SlotPaths } from '../host/host.ts';
import { type Paths, portOf } from '../specification/paths.ts';
import type { EventStore } from '../store/events.ts';
import type { RunStore } from '../store/runs.ts';
import type { ReadingStore } from '../store/samples.ts';
import type { WantedStore } from '../store/wanted.ts';
import type { Context } from './fleet/context.ts';
import { executorsFor, failStart } from './fleet/executors.ts';
import { accountFor, helperLaunch } from './fleet/launch.ts';
import type { Managed } from './fleet/managed.ts';
import { decideRollout } from './fleet/rollout.ts';
import { Journal } from './journal.ts';
import { Maintenance } from './maintenance.ts';
import { type CheckedAgent, Checks } from './watches/checks.ts';
import { Leaks } from './watches/leaks.ts';
import { Logs } from './watches/logs.ts';
import { Memory } from './watches/memory.ts';
import { Pace } from './watches/pace.ts';
import { PressureWatch } from './watches/pressure.ts';
import { Readiness } from './watches/readiness.ts';
import { Sampler } from './watches/sampler.ts';
import { Verification } from './watches/verification.ts';

/** A step that failed unforeseen is tried again after so long. */
const RETRY_MS = 1_000;
/** Events reach their file within this time. */
const FLUSH_MS = 100;

/** Who counts what happens. */
export interface Observer {
  event(fleet: string, type: string): void;
  exited(fleet: string, exit: AgentExit): void;
  ready(fleet: string, afterMs: number): void;
}

/** What the supervisor is made of. */
export interface Parts {
  host: Host;
  paths: Paths;
  store: WantedStore;
  runs: RunStore;
  events: EventStore;
  samples: ReadingStore;
  log: Logger;
}

/**
 * The loop: it lets time pass for a fleet, plans it, carries the plan out, and does so again until nothing is left to
 * do. Exits, checks, timers and commands only wake it; it acts on what is, not on what it was told.
 */
export class Supervisor implements Context {
  readonly host: Host;
  readonly paths: Paths;
  readonly store: WantedStore;
  readonly events: EventStore;
  readonly samples: ReadingStore;
  readonly journal: Journal;
  readonly logs: Logs;
  readonly checks: Checks;
  readonly readiness: Readiness;
  readonly memory: Memory;
  readonly leaks: Leaks;
  readonly verification: Verification;
  readonly maintenance: Maintenance;
  readonly pressure: PressureWatch;
  readonly #pace: Pace;
  readonly sampler: Sampler;
  readonly log: Logger;
  readonly fleets = new Map<string, Managed>();
  readonly #runs: RunStore;
  readonly #executors = new Map<string, Executors>();
  readonly #awake = new Set<Managed>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #watchers = new Set<() => void>();
  observer: Observer = { event: () => {}, exited: () => {}, ready: () => {} };
  #turn: NodeJS.Immediate | null = null;
  #flushing: NodeJS.Timeout | null = null;
  /** Files that could not be written the last time. */
  readonly #unwritten = new Set<string>();
  #stopped = false;

  constructor({ host, paths, store, runs, events, samples, log }: Parts) {
    this.host = host;
    this.paths = paths;
    this.store = store;
    this.events = events;
    this.log = log;
    this.#runs = runs;
    this.samples = samples;
    this.journal = new Journal(events, () => host.date());
    this.journal.onSlot = (fleet, type) => this.observer.event(fleet, type);
    // Not everything happens in a turn: what a sample, a check or a command found is written as soon.
    events.follow(() => this.#flushSoon());
    this.logs = new Logs(paths, host);
    this.checks = new Checks(host);
    this.readiness = new Readiness({
      host,
      journal: this.journal,
      checks: this.checks,
      wake: (managed) => this.wake(managed),
      noteRun: (managed, slot) => this.noteRun(managed, slot),
      onProblem: (error) => log.error({ error: error.message }, 'cannot check agents'),
      onReady: ({ name }, afterMs) => this.observer.ready(name, afterMs),
      subject: (managed, slot, run) => this.#subject(managed, slot, run),
    });
    this.verification = new Verification(this.journal, host);
    this.maintenance = new Maintenance(store, this.journal, () => host.date());
    this.#pace = new Pace(this.journal);
    this.pressure = new PressureWatch({
      host,
      journal: this.journal,
      wake: (managed) => this.wake(managed),
    });
    this.memory = new Memory(host);
    this.leaks = new Leaks({
      host,
      store: samples,
      journal: this.journal,
      wake: (managed) => this.wake(managed),
    });
    this.sampler = new Sampler({
      host,
      memory: this.memory,
      store: samples,
      onPass: (managed, pass) => this.leaks.observe(managed, pass),
      onProblem: ({ name }, error) => log.warn({ fleet: name, error: error.message }, 'cannot sample memory'),
    });
    host.processes.onExit = (key, exit, failure) => this.#onExit(key, exit, failure);
    host.processes.onProblem = (error) => log.error({ error: error.message }, 'on the host');
    host.processes.onNotify = (key, text) => this.#onNotify(key, text);
    this.logs.startSweeping(
      () => this.fleets.values(),
      (error) => log.warn({ error: error.message }, 'cannot keep a log within its bound'),
    );
  }

  /** Takes a fleet under supervision. */
  manage(managed: Managed): void {
    this.fleets.set(managed.name, managed);
    this.#executors.set(managed.name, executorsFor(this, managed));
    this.limit(managed);
    this.followSpec(managed);
    if (managed.fleet.queues.starting.size > 0) this.readiness.expect(managed);
    this.wake(managed);
  }

  /** Holds agents to the resources of their spec; those of a fleet whose spec was lost keep what they have. */
  limit({ name, record, fleet: { target } }: Managed): void {
    if (record.spec) this.host.processes.limit(name, record.spec.resources, target);
  }

  /** Checks and samples a fleet as its spec says now. */
  followSpec(managed: Managed): void {
    this.readiness.followSpec(managed);
    this.sampler.followSpec(managed);
    this.leaks.followSpec(managed);
    this.pressure.followSpec(managed);
    this.verification.followSpec(managed);
  }

  /** Gives a fleet up. */
  forget(managed: Managed): void {
    this.fleets.delete(managed.name);
    this.#executors.delete(managed.name);
    this.host.processes.limit(managed.name, null, 0);
    this.readiness.forget(managed);
    this.sampler.forget(managed);
    this.leaks.forget(managed);
    this.pressure.forget(managed);
    this.verification.forget(managed);
    this.memory.forget(managed);
    this.#try(this.paths.samples, () => this.samples.remove(managed.name));
    clearTimeout(this.#timers.get(managed.name));
    this.#timers.delete(managed.name);
  }

  wake(managed: Managed): void {
    this.#awake.add(managed);
    if (this.#stopped) return;
    this.#turn ??= setImmediate(() => this.#runTurn());
  }

  /** Calls back after every turn in which something may have changed, until the returned function is called. */
  onTurn(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  places({ name, fleet: { spec } }: Managed, slot: number): SlotPaths {
    return {
      dir: this.paths.slotDir(name, slot),
      socket: this.paths.agentSocket(name, slot),
      log: spec.logs.to === 'file' ? this.paths.log(name, slot) : null,
    };
  }

  noteRun(managed: Managed, slot: number): void {
    this.#runs.set(managed.name, slot, managed.runRecord(slot));
  }

  hold(managed: Managed, { by, reason, sample }: Pick<Hold, 'by' | 'reason' | 'sample'>): void {
    const hold = { by, reason, since: this.host.date().toISOString(), sample };
    this.#writeHold(managed, hold);
    managed.fleet.setHold({ ...hold, probeAt: this.host.now() + managed.fleet.probeDelayMs });
    this.journal.note('hold', managed.name, sample === null ? reason : `${reason}; it said: ${sample}`);
    this.wake(managed);
  }

  resume(managed: Managed, reason: string): void {
    this.#writeHold(managed, null);
    managed.fleet.setHold(null);
    this.journal.note('resume', managed.name, reason);
    this.wake(managed);
  }

  decide(managed: Managed, change: RolloutChange, reason: string): void {
    decideRollout(this, managed, change, reason);
  }

  /**
   * The breaker's hold comes and goes by itself, whether it can be written or not; what a user asks for is refused
   * where it could not be kept.
   */
  #writeHold(managed: Managed, hold: Managed['record']['hold']): void {
    const record = { ...managed.record, hold };
    try {
      this.store.write(managed.name, { fleet: record });
    } catch (error) {
      if ((hold ?? managed.record.hold)?.by !== 'storm') throw error;
      this.journal.note('limit', managed.name, `the hold is not durable: ${(error as Error).message}`);
    }
    managed.record = record;
  }

  /** Ends the loop, with everything noted on its way to disk. Agents run on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.readiness.stop();
    this.sampler.stop();
    this.pressure.stop();
    this.verification.stop();
    this.logs.stop();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    if (this.#turn) clearImmediate(this.#turn);
    this.#try(this.paths.runDatabase, () => this.#runs.flush());
    this.flush();
    await this.host.close();
    this.#runs.close();
    this.events.close();
    this.samples.close();
    this.store.close();
  }

  #flushSoon(): void {
    this.#flushing ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  /** Writes the events that were noted. */
  flush(): void {
    if (this.#flushing) clearTimeout(this.#flushing);
    this.#flushing = null;
    this.journal.gather();
    const isWritten = this.#try(this.paths.events, () => this.events.flush());
    if (isWritten) return;
    clearTimeout(this.#flushing ?? undefined);
    this.#flushing = setTimeout(() => this.flush(), FLUSH_MS * 10);
  }

  /** A disk that takes nothing stops no agent and no supervision: it is told once, and tried again. */
  #try(path: string, write: () => void): boolean {
    try {
      write();
      if (this.#unwritten.delete(path)) this.journal.note('limit', null, `${path} can be written again`);
      return true;
    } catch (error) {
      const { message } = this.host.facts.explain(`cannot write ${path}`, error, path);
      if (!this.#unwritten.has(path)) {
        this.#unwritten.add(path);
        this.log.error({ error: message }, 'not written');
        this.journal.note('limit', null, `${message}; tried again until it can be`);
      }
      return false;
    }
  }

  // ── the loop ──

  #runTurn(): void {
    this.#turn = null;
    const awake = [...this.#awake];
    this.#awake.clear();
    for (const managed of awake) {
      if (this.fleets.get(managed.name) === managed) this.#reconcileSafely(managed);
    }
    // In the same turn as the forks: what a killed supervisor started must be known to the next one.
    this.#try(this.paths.runDatabase, () => this.#runs.flush());
    this.#flushSoon();
    for (const watcher of this.#watchers) watcher();
  }

  /** What fails unforeseen is told and tried again after a while: it must neither end supervision nor spin. */
  #reconcileSafely(managed: Managed): void {
    try {
      this.#reconcile(managed);
    } catch (error) {
      this.log.error({ err: error, fleet: managed.name }, 'a step failed');
      this.journal.note(
        'supervisor',
        managed.name,
        `a step failed and is tried again: ${(error as Error).message}`,
      );
      clearTimeout(this.#timers.get(managed.name));
      this.#timers.set(
        managed.name,
        setTimeout(() => this.wake(managed), RETRY_MS),
      );
    }
  }

  /** One pass over a fleet; where it did something, another follows after exits and the API had their turn. */
  #reconcile(managed: Managed): void {
    const { fleet, name } = managed;
    this.pressure.beforeStarts(managed);
    // One time for the whole pass: what fell due between two looks at the clock would be in neither's answer.
    const now = this.host.now();
    fleet.expire(now);
    this.#pace.tell(managed, now);
    const steps = plan(fleet, now);
    if (steps.length > 0) {
      this.#execute(name, steps);
      this.wake(managed);
      return;
    }
    clearTimeout(this.#timers.get(name));
    const due = fleet.nextDue(now);
    if (due === null) return;
    const delayMs = Math.min(Math.max(1, Math.ceil(due - this.host.now())), TIMER_MS_MAX);
    this.#timers.set(
      name,
      setTimeout(() => this.wake(managed), delayMs),
    );
  }

  #execute(name: string, steps: readonly Step[]): void {
    const executors = this.#executors.get(name)!;
    for (const [kind, ofKind] of Map.groupBy(steps, (step) => step.do)) {
      // The compiler cannot follow that the group of a kind holds steps of that kind.
      (executors[kind] as (steps: readonly Step[]) => void)(ofKind);
    }
  }

  #subject(managed: Managed, slot: number, run: Run): CheckedAgent {
    const { name, fleet } = managed;
    return {
      key: managed.key(slot),
      slot,
      pid: run.pid,
      release: run.release,
      ageMs: this.host.now() - run.startedAt,
      port: portOf(fleet.spec.ports, slot),
      socket: this.paths.agentSocket(name, slot),
      helper: () => this.#checkLaunch(managed, slot, run),
    };
  }

  #checkLaunch(managed: Managed, slot: number, run: Run) {
    const release = managed.releaseOf(run.release);
    const spec = managed.specOf(run.release);
    const { host } = this;
    const world = { host, spec, baseDir: managed.baseDirOf(run.release), release, slot, paths: this.paths };
    const argv = spec.ready.kind === 'exec' ? spec.ready.argv : [];
    return helperLaunch(world, argv, 'ready.exec[0]', accountFor(host.processes.users, spec.user, slot), {
      path: '/dev/null',
    });
  }

  #find(key: string): { managed: Managed; slot: number } | null {
    const [name = '', slot = ''] = key.split('/');
    const managed = this.fleets.get(name);
    return managed?.fleet.slots.has(Number(slot)) ? { managed, slot: Number(slot) } : null;
  }

  #onExit(key: string, exit: AgentExit | null, failure: Error | null): void {
    this.checks.forget(key);
    const found = this.#find(key);
    if (!found || !runOf(found.managed.fleet.slot(found.slot).agent)) return;
    const { managed, slot } = found;
    if (failure && managed.fleet.slot(slot).agent.state === 'starting') {
      managed.startTicks.delete(slot);
      failStart(this, managed, slot, failure);
      this.noteRun(managed, slot);
      this.wake(managed);
      return;
    }
    const known = exit ?? { code: null, signal: null };
    managed.fleet.exited(slot, known, this.host.date().toISOString(), this.host.now());
    managed.startTicks.delete(slot);
    this.noteRun(managed, slot);
    this.observer.exited(managed.name, known);
    this.journal.slot(
      'exit',
      managed.name,
      slot,
      managed.fleet.slot(slot).lastExit?.reason ?? describeExit(known),
    );
    this.wake(managed);
  }

  #onNotify(key: string, text: string): void {
    this.checks.said(key, text);
    const found = this.#find(key);
    if (found && text.includes('READY=1')) this.readiness.checkSoon(found.managed);
  }
}

/** setTimeout takes no more (a signed 32-bit integer). */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Tells which slot a log or a working directory belongs to, the reverse of the paths's paths. */
export function slotFiles({ stateDir }: Paths): SlotFiles {
  const matcher = (kind: string, ending: string) => {
    const prefix = `${stateDir}/${kind}/`;
    return (path: string) => {
      if (!path.startsWith(prefix) || !path.endsWith(ending)) return null;
      const key = path.slice(prefix.length, path.length - ending.length);
      return /^[a-z][a-z0-9-]*\/\d+$/.test(key) ? key : null;
    };
  };
  return { keyOfLog: matcher('logs', '.log'), keyOfDir: matcher('fleets', '') };
}
