import { type ProcessId, runOf } from '../../fleet/agent.ts';
import { applyChange, type Change } from '../../fleet/change.ts';
import { agentExited, slotEmptied } from '../../fleet/endings.ts';
import { type AgentExit, describeExit } from '../../fleet/exit.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import { plan } from '../../fleet/plan.ts';
import { runRecord, slotKey } from '../../fleet/slot-records.ts';
import type { Executors, Step } from '../../fleet/steps.ts';
import { expire, nextDue } from '../../fleet/time.ts';
import { mainSucceeded } from '../../fleet/transitions.ts';
import type { SlotPaths } from '../../host/host.ts';
import type { Urgency } from '../../store/runs.ts';
import type { Services } from '../shared/services.ts';
import { TIMER_MS_MAX } from '../shared/timers.ts';
import type { FleetContext, FleetWatch, WatchKind } from './context.ts';
import { executorsFor } from './executors.ts';
import { failStart } from './failed-start.ts';

/** The end of a main process, as the host reports it (`Processes.onExit`). */
export interface MainEnd {
  /** Null if its exit status is unknown. */
  exit: AgentExit | null;
  /** Why its program could not be executed; null if it was. */
  failure: Error | null;
  /** How many processes of the slot still live. */
  left: number;
}

/** The delay before a step that failed unexpectedly is retried. */
const RETRY_MS = 1_000;

/**
 * Runs one fleet: it has the fleet's loop, its executors and its watches, and is the only caller of `WantedStore.write`
 * (removing a fleet is separate: commands/remove.ts). A turn lets time pass, plans, and carries the plan out; if it did
 * something, another turn follows, after exits and the API had theirs. Exits, checks and commands change the fleet at once
 * and wake it, timers only wake it; a turn acts on what is, not on what woke it.
 */
export class FleetRunner implements FleetContext {
  readonly fleet: Fleet;
  readonly services: Services;
  readonly #watches: ReadonlyMap<WatchKind, FleetWatch>;
  readonly #executors: Executors;
  readonly #gone = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(fleet: Fleet, services: Services, kinds: readonly WatchKind[]) {
    this.fleet = fleet;
    this.services = services;
    this.#executors = executorsFor(this);
    this.#watches = new Map(kinds.map((Kind) => [Kind, new Kind(this)]));
  }

  get name(): string {
    return this.fleet.name;
  }

  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  key(slot: number): string {
    return slotKey(this.fleet, slot);
  }

  slotPaths(slot: number): SlotPaths {
    const { paths } = this.services;
    return {
      dir: paths.slotDir(this.name, slot),
      socket: paths.agentSocket(this.name, slot),
      log: this.fleet.spec.logs.to === 'file' ? paths.log(this.name, slot) : null,
    };
  }

  watch<T extends FleetWatch>(kind: WatchKind<T>): T {
    return this.#watches.get(kind) as T;
  }

  // ── start and end ──

  /** Starts to run the fleet. */
  start(): void {
    for (const watch of this.#watches.values()) watch.start?.();
    this.wake();
  }

  /** Stops running the fleet; agents continue. */
  stop(why: 'removed' | 'shutdown'): void {
    this.#gone.abort();
    clearTimeout(this.#timer);
    for (const watch of this.#watches.values()) watch.stop?.(why);
  }

  // ── events from outside ──

  wake(): void {
    this.services.wake(this);
  }

  agentsStarted(): void {
    for (const watch of this.#watches.values()) watch.agentsStarted?.();
  }

  noteRun(slot: number, urgency: Urgency = 'now'): void {
    this.services.runs.set(this.name, slot, runRecord(this.fleet, slot), urgency);
  }

  commit(change: Change): void {
    const { store, journal } = this.services;
    try {
      store.write(this.name, change);
    } catch (error) {
      if (!change.isBestEffort) throw error;
      journal.note(
        'limit',
        this.name,
        `a change that takes effect could not be written: ${(error as Error).message}`,
      );
    }
    this.#committed(change);
  }

  /** Commits changes of several fleets: all of them, or none. @throws FleetError as commit() does */
  static commitAll(changes: readonly (readonly [runner: FleetRunner, change: Change])[]): void {
    const [first] = changes;
    first?.[0].services.store.writeAll(changes.map(([{ name }, change]) => [name, change]));
    for (const [runner, change] of changes) runner.#committed(change);
  }

  /** Applies and reports a change that is durable. */
  #committed(change: Change): void {
    const { journal, host } = this.services;
    applyChange(this.fleet, change, host.now());
    if (!this.signal.aborted && change.respec) for (const watch of this.#watches.values()) watch.respec?.();
    for (const watch of this.#watches.values()) watch.committed?.();
    for (const { type, reason, slots } of change.events ?? []) journal.note(type, this.name, reason, slots);
    this.wake();
  }

  /** The main process of an agent has ended. */
  exited(slot: number, { exit, failure, left }: MainEnd): void {
    const { fleet, services } = this;
    const { agent } = fleet.slot(slot);
    if (!runOf(agent)) return;
    for (const watch of this.#watches.values()) watch.exited?.(slot);
    if (failure && agent.state === 'starting') failStart(this, slot, failure);
    else {
      const known = exit ?? { code: null, signal: null };
      agentExited(fleet, slot, known, services.host.date().toISOString(), services.host.now(), left);
      if (fleet.slot(slot).agent.state !== 'orphaned') this.reportExit(slot, known);
    }
    this.noteRun(slot);
    this.wake();
  }

  /** The main process of a slot is in its sandbox; so far, the one of bubblewrap stood for it. */
  inSandbox(slot: number, process: ProcessId): void {
    const { fleet, services } = this;
    mainSucceeded(fleet, slot, process, services.host.now());
    this.noteRun(slot);
  }

  /** Nothing lives any more in a slot whose main process had ended before. */
  emptied(slot: number): void {
    const { fleet, services } = this;
    const { agent } = fleet.slot(slot);
    slotEmptied(fleet, slot, services.host.now());
    if (agent.state === 'orphaned') this.reportExit(slot, agent.exit);
    this.noteRun(slot);
    this.wake();
  }

  reportExit(slot: number, exit: AgentExit): void {
    const { fleet, services } = this;
    services.observer.exited(this.name, exit);
    const reason = fleet.slot(slot).lastExit?.reason ?? describeExit(exit);
    services.journal.slot('exit', this.name, slot, reason);
  }

  /** A process of an agent sent something to its notify socket. */
  notified(slot: number, text: string, pid: number): void {
    for (const watch of this.#watches.values()) watch.notified?.(slot, text, pid);
  }

  // ── the loop ──

  /** An unexpected failure is reported and retried later: it must neither end supervision nor spin. */
  turn(): void {
    if (this.signal.aborted) return;
    try {
      this.#reconcile();
    } catch (error) {
      const { log, journal } = this.services;
      log.error({ err: error, fleet: this.name }, 'a step failed');
      journal.note('supervisor', this.name, `a step failed and will be retried: ${(error as Error).message}`);
      this.#wakeAfter(RETRY_MS);
    }
  }

  #reconcile(): void {
    const { fleet, services } = this;
    // One time for the whole turn: what fell due between two readings of the clock would be in neither answer.
    const now = services.host.now();
    for (const watch of this.#watches.values()) watch.beforeTurn?.(now);
    expire(fleet, now);
    const steps = plan(fleet, now);
    if (steps.length > 0) {
      this.#execute(steps);
      this.wake();
      return;
    }
    clearTimeout(this.#timer);
    const due = nextDue(fleet, now);
    if (due !== null) this.#wakeAfter(Math.max(1, Math.ceil(due - services.host.now())));
  }

  #execute(steps: readonly Step[]): void {
    for (const [kind, ofKind] of Map.groupBy(steps, (step) => step.do)) {
      // The compiler cannot follow that the group of a kind holds steps of that kind.
      (this.#executors[kind] as (steps: readonly Step[]) => void)(ofKind);
    }
  }

  #wakeAfter(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.wake(), Math.min(ms, TIMER_MS_MAX));
  }
}
