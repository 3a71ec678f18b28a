/** What a simulated fleet is like. Everything follows from the seed. */
export interface Scenario {
  seed: number;
  agents: number;
  everyMs: number;
  /** Growth of each leaking agent, the share of agents that leak, and when it begins. */
  leak: { bytesPerHour: number; share: number; fromTick: number } | null;
  /** The height of the saw. */
  sawBytes: number;
  /** What is live at a collection differs by up to so much from one to the next. */
  jitterBytes: number;
  /** Every agent's floor follows the day's load by so much. */
  rhythmBytes: number;
  /** Connections, bursts of them, crashes and a rolling update a week. */
  busy: boolean;
  connectionsKnown: 'agents' | 'fleet' | 'no';
}

/** One pass over the fleet, as the store keeps it. */
export interface Pass {
  at: number;
  slots: Uint32Array;
  rssBytes: Float64Array;
  startedMs: Float64Array;
  release: Uint16Array;
  releases: string[];
  connections: Uint32Array | null;
  connectionsTotal: number | null;
}

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const PAGE_BYTES = 4_096;
const FLOOR_BYTES = 8 * MIB;
/** A collection of garbage every so often; the length of each cycle is drawn anew. */
const CYCLE_MS = { min: 180_000, max: 1_800_000 };
/** A new process begins so far below its floor and comes closer by a factor of e in this time. */
const WARM_UP = { bytes: 2 * MIB, ms: 600_000 };
/** Connections of each agent an hour at the mean of the day, what each costs, and how long it and its memory stay. */
const CONNECTIONS = { perHour: 0.4, minBytes: 2 * MIB, maxBytes: 4 * MIB, meanMs: 1_200_000, lagMs: 600_000 };
/** Load at noon is 1.6 times the mean, at midnight 0.4 times. */
const RHYTHM = 0.6;
/** So often a part of the fleet is connected to within a few minutes. */
const BURSTS = { perDay: 3, share: 0.2 };
const CRASHES_PER_AGENT_DAY = 0.005;
/** A new release every week, in batches. */
const UPDATE = { everyMs: 7 * DAY_MS, batch: 500, waitMs: 600_000 };

/** A fleet whose memory is made up, tick by tick. */
export class SimulatedFleet {
  readonly #of: Scenario;
  readonly #pass: Pass;
  readonly #phase: Float64Array;
  readonly #step: Float64Array;
  readonly #floor: Float64Array;
  readonly #jitter: Float64Array;
  readonly #leaked: Float64Array;
  readonly #connectedUntil: Float64Array;
  readonly #connectionBytes: Float64Array;
  readonly #connected: Uint32Array;
  #random: number;
  #tick = 0;
  #updated: number;

  constructor(of: Scenario) {
    this.#of = of;
    this.#random = (of.seed * 2_654_435_761 + 88_675_123) >>> 0 || 1;
    for (let i = 0; i < 20; i++) this.#uniform();
    const { agents } = of;
    this.#phase = Float64Array.from({ length: agents }, () => this.#uniform());
    this.#step = new Float64Array(agents);
    this.#floor = new Float64Array(agents);
    this.#jitter = new Float64Array(agents);
    this.#leaked = new Float64Array(agents);
    this.#connectedUntil = new Float64Array(agents).fill(-DAY_MS);
    this.#connectionBytes = new Float64Array(agents);
    this.#connected = new Uint32Array(agents);
    this.#updated = agents;
    this.#pass = {
      at: 0,
      slots: Uint32Array.from({ length: agents }, (_, slot) => slot),
      rssBytes: new Float64Array(agents),
      startedMs: new Float64Array(agents),
      release: new Uint16Array(agents),
      releases: ['r1', 'r2'],
      connections: of.connectionsKnown === 'agents' ? this.#connected : null,
      connectionsTotal: null,
    };
    for (let slot = 0; slot < agents; slot++) this.#start(slot, -DAY_MS);
  }

  /** Whether this agent leaks, or will. */
  leaks(slot: number): boolean {
    // Spread over the slots, as leaking agents are in life.
    return this.#of.leak !== null && (slot * 7_919) % this.#of.agents < this.#of.leak.share * this.#of.agents;
  }

  /** The next pass. Its arrays are the same ones every time. */
  next(): Pass {
    const { agents, everyMs, leak, busy, connectionsKnown } = this.#of;
    const now = this.#tick * everyMs;
    const load = 1 - RHYTHM * Math.cos((2 * Math.PI * now) / DAY_MS);
    if (busy) this.#disturb(now, load);
    const leaking = leak !== null && this.#tick >= leak.fromTick;
    const growth = leaking ? (leak.bytesPerHour * everyMs) / HOUR_MS : 0;
    let connections = 0;
    for (let slot = 0; slot < agents; slot++) {
      if (growth > 0 && this.leaks(slot)) this.#leaked[slot]! += growth;
      this.#pass.rssBytes[slot] = this.#rss(slot, now, load);
      const connected = now < this.#connectedUntil[slot]! ? 1 : 0;
      this.#connected[slot] = connected;
      connections += connected;
    }
    this.#pass.at = now;
    this.#pass.connectionsTotal = connectionsKnown === 'no' ? null : connections;
    this.#tick++;
    return this.#pass;
  }

  #rss(slot: number, now: number, load: number): number {
    const { sawBytes, rhythmBytes } = this.#of;
    let phase = this.#phase[slot]! + this.#step[slot]!;
    if (phase >= 1) {
      phase %= 1;
      this.#collect(slot);
    }
    this.#phase[slot] = phase;
    const ageMs = now - this.#pass.startedMs[slot]!;
    const bytes =
      this.#floor[slot]! +
      this.#jitter[slot]! +
      phase * sawBytes +
      this.#leaked[slot]! +
      rhythmBytes * load +
      (now < this.#connectedUntil[slot]! + CONNECTIONS.lagMs ? this.#connectionBytes[slot]! : 0) -
      (ageMs < 20 * WARM_UP.ms ? WARM_UP.bytes * Math.exp(-ageMs / WARM_UP.ms) : 0);
    return Math.floor(bytes / PAGE_BYTES) * PAGE_BYTES;
  }

  /** A collection: the next cycle has a length and a floor of its own. */
  #collect(slot: number): void {
    const { everyMs, jitterBytes } = this.#of;
    const cycleMs = CYCLE_MS.min + this.#uniform() * (CYCLE_MS.max - CYCLE_MS.min);
    this.#step[slot] = everyMs / cycleMs;
    this.#jitter[slot] = jitterBytes * this.#uniform();
  }

  #start(slot: number, now: number): void {
    this.#pass.startedMs[slot] = now;
    this.#floor[slot] = FLOOR_BYTES + this.#uniform() * PAGE_BYTES * 16;
    this.#leaked[slot] = 0;
    this.#connectedUntil[slot] = -DAY_MS;
    this.#collect(slot);
  }

  #disturb(now: number, load: number): void {
    const { agents, everyMs } = this.#of;
    const burst = this.#uniform() < (BURSTS.perDay * everyMs) / DAY_MS ? BURSTS.share : 0;
    const connect = (CONNECTIONS.perHour * load * everyMs) / HOUR_MS + burst;
    const crash = (CRASHES_PER_AGENT_DAY * everyMs) / DAY_MS;
    if (Math.floor(now / UPDATE.everyMs) > Math.floor((now - everyMs) / UPDATE.everyMs) && now > 0)
      this.#updated = 0;
    this.#update(now);
    for (let slot = 0; slot < agents; slot++) {
      const drawn = this.#uniform();
      if (drawn < connect && now >= this.#connectedUntil[slot]!) this.#connect(slot, now);
      else if (drawn > 1 - crash) this.#start(slot, now);
    }
  }

  #connect(slot: number, now: number): void {
    const { meanMs, minBytes, maxBytes } = CONNECTIONS;
    this.#connectedUntil[slot] = now - meanMs * Math.log(1 - this.#uniform());
    this.#connectionBytes[slot] = minBytes + this.#uniform() * (maxBytes - minBytes);
  }

  #update(now: number): void {
    const { agents, everyMs } = this.#of;
    if (this.#updated >= agents) return;
    if (Math.floor(now / UPDATE.waitMs) === Math.floor((now - everyMs) / UPDATE.waitMs)) return;
    for (let end = Math.min(agents, this.#updated + UPDATE.batch); this.#updated < end; this.#updated++) {
      this.#pass.release[this.#updated]! ^= 1;
      this.#start(this.#updated, now);
    }
  }

  /** From 0 to below 1: xorshift32, Marsaglia 2003. */
  #uniform(): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x >>> 0;
    return this.#random / 4_294_967_296;
  }
}
