import type { Fleet } from '../../fleet/fleet.ts';
import { type Goal, judgeGoal } from '../../fleet/goal.ts';
import { parseSlots } from '../../specification/slots.ts';

export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** One span of a trace. All times are milliseconds since the epoch. */
export interface Span {
  /** Names trace and span: the header `traceparent` of W3C Trace Context. */
  readonly traceparent: string;
  /** @param problem why it failed; null if it did not */
  end(at: number, problem: string | null, attributes?: Attributes): void;
}

/** Makes spans; a span without a parent begins a trace. */
export interface Tracer {
  begin(name: string, parent: Span | null, at: number, attributes: Attributes): Span;
}

/** More spans of one trace are left out and counted; a fleet may have 10,000 agents. */
export const SPANS_MAX = 1_000;
/** More traces at once: the oldest ends unfinished. */
export const TRACES_MAX = 32;
/** A trace whose goal is not reached within this time ends unfinished. */
const TRACE_MS_MAX = 24 * 3_600_000;
/** Whether a goal is reached is judged at most at this interval: it takes a look at every slot. */
const JUDGE_MS = 200;

/** The command that has this goal. */
function commandOf(goal: Goal): string {
  switch (goal.kind) {
    case 'ready':
      return 'spawn';
    case 'gone':
      return 'kill';
    case 'restarted':
      return 'restart';
    case 'on-release':
      return 'rolling-update';
    case 'reloaded':
      return 'reload';
    case 'rollout':
      return goal.wants === 'done' ? 'rolling-update' : 'rollback';
  }
}

/** The commands with these goals start no agents. */
const STARTS_NOTHING: ReadonlySet<Goal['kind']> = new Set(['gone', 'reloaded']);

/** A round or a batch under way. */
interface Group {
  number: number;
  /** Null if it was left out. */
  span: Span | null;
  /** Slots that are starting. */
  members: Set<number>;
  /** When the latest of them was done. */
  doneAt: number;
}

/** A command under way. */
interface Trace {
  readonly fleet: string;
  readonly goal: Goal;
  readonly slots: readonly number[];
  readonly root: Span;
  readonly since: number;
  group: Group | null;
  rounds: number;
  spans: number;
  leftOut: number;
  /** The latest event of the fleet: when the goal was reached, if it was. */
  eventAt: number;
  judgedAt: number;
}

/** The start or stop of an agent. */
interface Work {
  trace: Trace;
  span: Span;
}

/**
 * One trace for each command that is waited for: from its acceptance until its goal is reached or can no longer be. Rounds
 * and batches are spans below it, and below these are the starts and stops of agents. What happens to a fleet belongs to
 * its newest command; without one, as after a crash of an agent, it is in no trace. No clock and no I/O.
 */
export class Traces {
  readonly #tracer: Tracer;
  /** Oldest first. */
  readonly #open: Trace[] = [];
  readonly #starts = new Map<string, Work>();
  readonly #stops = new Map<string, Work>();

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  /** A command was accepted. */
  accepted({ name, target, release }: Fleet, goal: Goal, at: number): void {
    if (this.#open.length >= TRACES_MAX) this.#end(this.#open[0]!, at, 'more commands came than are traced');
    const attributes = { 'fleetd.fleet': name, 'fleetd.target': target, 'fleetd.release': release };
    this.#open.push({
      fleet: name,
      goal,
      slots: 'slots' in goal && goal.slots !== '' ? parseSlots(goal.slots) : [],
      root: this.#tracer.begin(commandOf(goal), null, at, attributes),
      since: at,
      group: null,
      rounds: 0,
      spans: 0,
      leftOut: 0,
      eventAt: at,
      judgedAt: Number.NEGATIVE_INFINITY,
    });
  }

  /** An agent is about to be started. @returns its trace context; null if no command wants it */
  starting(fleet: Fleet, slot: number, at: number): string | null {
    const trace = this.#open.findLast(
      (each) => each.fleet === fleet.name && !STARTS_NOTHING.has(each.goal.kind),
    );
    if (!trace) return null;
    this.#endRound(trace, fleet);
    if (trace.group === null && trace.goal.kind !== 'rollout') {
      const number = ++trace.rounds;
      const span = this.#child(trace, 'round', trace.root, at, { 'fleetd.round': number });
      trace.group = { number, span, members: new Set(), doneAt: at };
    }
    const span = this.#begin(this.#starts, trace, 'start', slot, at);
    trace.group?.members.add(slot);
    return (span ?? trace.group?.span ?? trace.root).traceparent;
  }

  /** Something has happened to a slot. @param type the type of its event */
  happened(fleet: string, type: string, slot: number, reason: string, at: number): void {
    const trace = this.#open.findLast((each) => each.fleet === fleet);
    if (trace) trace.eventAt = at;
    switch (type) {
      case 'ready':
        this.#finish(this.#starts, fleet, slot, at, null);
        break;
      case 'start-failed':
        this.#finish(this.#starts, fleet, slot, at, reason);
        break;
      case 'stop':
        this.#finish(this.#starts, fleet, slot, at, reason);
        if (trace) this.#begin(this.#stops, trace, 'stop', slot, at);
        break;
      case 'exit':
        this.#finish(this.#starts, fleet, slot, at, reason);
        this.#finish(this.#stops, fleet, slot, at, null);
        break;
    }
  }

  /** The span of a fleet's newest command; null if there is none. */
  rootOf(fleet: string | null): Span | null {
    return this.#open.findLast((each) => each.fleet === fleet)?.root ?? null;
  }

  /** Follows rounds and batches, and ends the traces whose goals are over. */
  look(fleets: (name: string) => Fleet | null, at: number): void {
    for (const trace of [...this.#open]) {
      const fleet = fleets(trace.fleet);
      if (!fleet) this.#end(trace, at, 'the fleet was removed');
      else if (at - trace.since > TRACE_MS_MAX) this.#end(trace, at, 'not reached within a day');
      else {
        if (trace.goal.kind === 'rollout') this.#followBatch(trace, fleet, at);
        else this.#endRound(trace, fleet);
        this.#judge(trace, fleet, at);
      }
    }
  }

  /** Ends everything, because the supervisor does. */
  close(at: number): void {
    for (const trace of [...this.#open]) this.#end(trace, at, 'the supervisor ended');
  }

  /** Whether a look can change anything. */
  get isIdle(): boolean {
    return this.#open.length === 0;
  }

  #judge(trace: Trace, fleet: Fleet, at: number): void {
    if (at - trace.judgedAt < JUDGE_MS) return;
    trace.judgedAt = at;
    const { end } = judgeGoal(fleet, trace.goal, trace.slots);
    if (end) this.#end(trace, trace.eventAt, end.exitCode === 0 ? null : end.message);
  }

  #followBatch(trace: Trace, fleet: Fleet, at: number): void {
    const { record } = fleet.rolling;
    const number = record?.batch?.number ?? null;
    if (!record || number === (trace.group?.number ?? null)) return;
    const verdict = record.verdicts.findLast(({ batch }) => batch === trace.group?.number);
    this.#endGroup(trace, at, verdict && !verdict.isGood ? verdict.reason : null);
    if (number === null) return;
    const attributes = { 'fleetd.batch': number, 'fleetd.agents': record.batch!.slots.length };
    const span = this.#child(trace, 'batch', trace.root, at, attributes);
    trace.group = { number, span, members: new Set(), doneAt: at };
  }

  /** A round is over when all of its members are, and none was added in the same turn. */
  #endRound(trace: Trace, { rounds }: Fleet): void {
    if (trace.goal.kind === 'rollout' || !trace.group) return;
    const { members, doneAt } = trace.group;
    if (members.size === 0 && rounds.size === 0) this.#endGroup(trace, doneAt, null);
  }

  #endGroup(trace: Trace, at: number, problem: string | null): void {
    trace.group?.span?.end(at, problem);
    trace.group = null;
  }

  /** Begins the span of a slot; null if it is left out. One that is still open was given up, as by a limit of the host. */
  #begin(kind: Map<string, Work>, trace: Trace, name: string, slot: number, at: number): Span | null {
    this.#finish(kind, trace.fleet, slot, at, 'tried again');
    const parent = trace.group?.span ?? trace.root;
    const span = this.#child(trace, name, parent, at, { 'fleetd.slot': slot });
    if (span) kind.set(`${trace.fleet}/${slot}`, { trace, span });
    return span;
  }

  #finish(kind: Map<string, Work>, fleet: string, slot: number, at: number, problem: string | null): void {
    if (kind === this.#starts) this.#leave(fleet, slot, at);
    const key = `${fleet}/${slot}`;
    kind.get(key)?.span.end(at, problem);
    kind.delete(key);
  }

  #leave(fleet: string, slot: number, at: number): void {
    for (const { fleet: name, group } of this.#open)
      if (name === fleet && group?.members.delete(slot)) group.doneAt = at;
  }

  #child(trace: Trace, name: string, parent: Span, at: number, attributes: Attributes): Span | null {
    if (trace.spans >= SPANS_MAX) {
      trace.leftOut++;
      return null;
    }
    trace.spans++;
    return this.#tracer.begin(name, parent, at, { 'fleetd.fleet': trace.fleet, ...attributes });
  }

  #end(trace: Trace, at: number, problem: string | null): void {
    for (const kind of [this.#starts, this.#stops]) {
      for (const [key, work] of kind) {
        if (work.trace !== trace) continue;
        work.span.end(at, 'the command is over');
        kind.delete(key);
      }
    }
    this.#endGroup(trace, at, null);
    trace.root.end(at, problem, trace.leftOut > 0 ? { 'fleetd.spans_left_out': trace.leftOut } : {});
    this.#open.splice(this.#open.indexOf(trace), 1);
  }
}
