import { freshWish } from '../../src/fleet/agent.ts';
import { agentExited, stopSent } from '../../src/fleet/endings.ts';
import type { Fleet } from '../../src/fleet/fleet.ts';
import { Heap } from '../../src/fleet/heap.ts';
import { plan } from '../../src/fleet/plan.ts';
import type { Step } from '../../src/fleet/steps.ts';
import { expire, nextDue } from '../../src/fleet/time.ts';
import { agentReady, agentStarted } from '../../src/fleet/transitions.ts';
import { unitHash } from '../../src/fleet/unit-hash.ts';
import { fleetOf, specOf } from './fleets.ts';

/** What the agents, their registry and their host are like. */
export interface Nature {
  agents: number;
  seed: number;
  /** Registrations a second of the registry's one writer, at a time in milliseconds. */
  capacityAt: (now: number) => number;
  /** So many registrations may wait, others are refused. */
  queueMax: number;
  /** An agent that waits for so long exits. */
  timeoutMs: number;
  /** From start to the registration, give or take `startNoise` of it. */
  startMs: number;
  startNoise: number;
  spawnsPerSecond: number;
  /** How long one look at the agents that start takes. */
  lookCostMs: number;
  /** The share of starts that fail at once whatever the registry does. */
  broken: number;
  rounds: object;
}

const USUAL: Nature = {
  agents: 1_000,
  seed: 1,
  capacityAt: () => 50,
  queueMax: 200,
  timeoutMs: 10_000,
  startMs: 40,
  startNoise: 0.3,
  spawnsPerSecond: 1_500,
  lookCostMs: 0.5,
  broken: 0,
  rounds: { adaptive: true },
};

/** How long a fleet takes whose registry and host never rest. */
export function idealMs({ agents, capacityAt, spawnsPerSecond }: Nature): number {
  let elapsedMs = 0;
  for (let up = 0; up < agents; elapsedMs++) up += Math.min(spawnsPerSecond, capacityAt(elapsedMs)) / 1_000;
  return elapsedMs;
}

interface Agent {
  slot: number;
  state: 'coming' | 'waiting' | 'registered' | 'gone';
}

/** As Readiness has it: how often agents that start are looked at. */
const LOOK_MS = { min: 5, max: 500 };
const LOOK_PER_AGE = 1 / 4;
const LOOK_COST_FACTOR = 20;
const EVENTS_MAX = 2_000_000;

/**
 * The real planner on a virtual clock, with a registry that every agent must reach: it takes one registration after
 * the other. Deterministic by its seed.
 */
export class RegistryWorld {
  now = 0;
  readonly fleet: Fleet;
  readonly nature: Nature;
  /** Starts that failed. */
  failed = 0;
  /** Why the fleet was held, each time. */
  readonly holds: string[] = [];
  /** The limit whenever it has changed. */
  readonly #limits: { at: number; limit: number }[] = [];
  readonly #events = new Heap();
  readonly #calls: (() => void)[] = [];
  readonly #agents = new Map<number, Agent>();
  readonly #waiting: Agent[] = [];
  #isServing = false;
  #isDown = false;
  #isLooking = false;
  #isTurning = false;
  #lookedAt = 0;
  #draws = 0;

  constructor(nature: Partial<Nature> = {}) {
    this.nature = { ...USUAL, ...nature };
    const { agents, rounds } = this.nature;
    this.fleet = fleetOf(specOf({ rounds, ready: { after: '1s' } }));
    for (let slot = 0; slot < agents; slot++) this.fleet.want(slot, freshWish('r1', true), 0);
    this.#wake();
  }

  /** Lets time pass until every agent is ready. @returns the milliseconds it took; Infinity where it never comes to that */
  untilReady(limitMs = 3_600_000): number {
    const begun = this.now;
    this.run(() => this.fleet.counts.ready === this.nature.agents || this.now - begun > limitMs);
    return this.now - begun > limitMs ? Number.POSITIVE_INFINITY : this.now - begun;
  }

  /** Lets so much time pass. */
  pass(ms: number): void {
    let isOver = false;
    this.#after(ms, () => {
      isOver = true;
    });
    this.run(() => isOver);
  }

  /** Every agent ends at about the same moment. */
  crashAll(): void {
    this.#waiting.length = 0;
    for (const agent of [...this.#agents.values()]) this.#after(20 * this.#chance(), () => this.#exit(agent));
  }

  /** The registry goes away, and with it every agent that it knows; it comes back after so long. */
  restartRegistry(downMs: number): void {
    this.#isDown = true;
    this.#waiting.length = 0;
    for (const agent of this.#agents.values())
      if (agent.state !== 'coming') this.#after(20 * this.#chance(), () => this.#exit(agent));
    this.#after(downMs, () => {
      this.#isDown = false;
    });
  }

  /** How much the limit moved after a share of the time until now: its standard deviation over its mean. */
  variation(share: number): number {
    const from = share * this.now;
    let [weight, sum, squares] = [0, 0, 0];
    for (const [i, { at, limit }] of this.#limits.entries()) {
      const lastedMs = (this.#limits[i + 1]?.at ?? this.now) - Math.max(from, at);
      if (lastedMs <= 0) continue;
      weight += lastedMs;
      sum += lastedMs * limit;
      squares += lastedMs * limit ** 2;
    }
    const mean = sum / weight;
    return Math.sqrt(Math.max(0, squares / weight - mean ** 2)) / mean;
  }

  /** One thing after the other happens, until a condition holds. */
  run(isOver: () => boolean): void {
    for (let i = 0; i < EVENTS_MAX && !isOver(); i++) {
      const at = this.#events.next;
      const call = this.#events.pop();
      if (call === undefined) throw new Error('nothing will happen any more');
      this.now = at;
      this.#calls[call]!();
    }
    if (!isOver()) throw new Error('this takes too long');
  }

  #after(ms: number, call: () => void): void {
    this.#events.push(this.now + ms, this.#calls.push(call) - 1);
  }

  #chance(): number {
    return unitHash(this.nature.seed * 7_919 + this.#draws++);
  }

  // ── the supervisor ──

  #wake(): void {
    if (this.#isTurning) return;
    this.#isTurning = true;
    this.#after(0, () => this.#turn());
  }

  #turn(): void {
    const { fleet } = this;
    expire(fleet, this.now);
    const limit = fleet.adaptive?.limit ?? 0;
    if (limit !== this.#limits.at(-1)?.limit) this.#limits.push({ at: this.now, limit });
    const steps = plan(fleet, this.now);
    const costMs = 1_000 / this.nature.spawnsPerSecond;
    for (const [i, step] of steps.entries())
      this.#after(step.do === 'start' ? (i + 1) * costMs : 0, () => this.#execute(step));
    this.#after(steps.length * costMs, () => {
      this.#isTurning = false;
      const due = nextDue(fleet, this.now);
      if (steps.length > 0) this.#wake();
      else if (due !== null) this.#after(due - this.now, () => this.#wake());
    });
  }

  #execute(step: Step): void {
    const { fleet, now } = this;
    switch (step.do) {
      case 'start':
        this.#start(step.slot);
        return;
      case 'stop':
        stopSent(fleet, step.slot, step, 'signalled', now);
        this.#exit(this.#agents.get(step.slot)!);
        return;
      case 'hold':
        this.holds.push(step.reason);
        fleet.setHold({
          by: 'storm',
          reason: step.reason,
          since: '',
          sample: null,
          probeAt: now + fleet.probeDelayMs,
        });
        return;
      case 'resume':
        fleet.setHold(null);
        return;
      default:
        throw new Error(`${step.do} is not expected here`);
    }
  }

  #start(slot: number): void {
    const { startMs, startNoise, broken } = this.nature;
    const agent: Agent = { slot, state: 'coming' };
    this.#agents.set(slot, agent);
    const run = { pid: 1, startTicks: 1, startedAt: this.now, startedIso: '', release: 'r1', generation: 0 };
    agentStarted(this.fleet, slot, run, this.now);
    const isBroken = this.#chance() < broken;
    const upMs = startMs * (1 + startNoise * (2 * this.#chance() - 1));
    this.#after(isBroken ? 3 : upMs, () => (isBroken ? this.#exit(agent) : this.#register(agent)));
    if (!this.#isLooking) {
      this.#isLooking = true;
      this.#lookedAt = this.now;
      this.#after(LOOK_MS.min, () => this.#look());
    }
  }

  #look(): void {
    const { fleet, now } = this;
    let youngestMs = LOOK_MS.max;
    for (const slot of [...fleet.queues.starting]) {
      const { agent } = fleet.slot(slot);
      if (agent.state === 'starting') youngestMs = Math.min(youngestMs, now - agent.run.startedAt);
      if (this.#agents.get(slot)?.state === 'registered') agentReady(fleet, slot, now, now - this.#lookedAt);
    }
    this.#lookedAt = now;
    this.#wake();
    this.#isLooking = fleet.queues.starting.size > 0;
    const costMs = LOOK_COST_FACTOR * this.nature.lookCostMs;
    const nextMs = Math.max(youngestMs * LOOK_PER_AGE, costMs);
    if (this.#isLooking)
      this.#after(Math.min(LOOK_MS.max, Math.max(LOOK_MS.min, nextMs)), () => this.#look());
  }

  #exit(agent: Agent): void {
    if (agent.state === 'gone') return;
    agent.state = 'gone';
    if (this.fleet.slot(agent.slot).agent.state !== 'ready') this.failed++;
    agentExited(this.fleet, agent.slot, { code: 1, signal: null }, 'now', this.now);
    this.#wake();
  }

  // ── the registry ──

  #register(agent: Agent): void {
    const { queueMax, timeoutMs } = this.nature;
    if (agent.state === 'gone') return;
    const isWelcome = !this.#isDown && this.#waiting.length < queueMax;
    if (!isWelcome) {
      this.#exit(agent);
      return;
    }
    agent.state = 'waiting';
    this.#waiting.push(agent);
    this.#after(timeoutMs, () => {
      if (agent.state !== 'waiting') return;
      this.#waiting.splice(this.#waiting.indexOf(agent), 1);
      this.#exit(agent);
    });
    this.#serve();
  }

  #serve(): void {
    const capacity = this.nature.capacityAt(this.now);
    if (this.#isServing || this.#waiting.length === 0) return;
    this.#isServing = true;
    this.#after(1_000 / capacity, () => {
      this.#isServing = false;
      const agent = this.#waiting.shift();
      if (agent?.state === 'waiting') agent.state = 'registered';
      this.#serve();
    });
  }
}
