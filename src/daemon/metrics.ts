import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { AgentState } from '../api/protocol.ts';
import type { Exit } from '../plan/restart.ts';
import type { Managed } from './managed.ts';
import type { Report } from './report.ts';
import type { Supervisor } from './supervisor.ts';
import { VERSION } from './version.ts';

/** Seconds: from a program that is up at once to one that waits for a slow registry. */
const READY_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
const STATES: readonly AgentState[] = ['starting', 'ready', 'unready', 'stopping', 'backoff', 'failed'];
const QUANTILES = { 0.5: 'p50', 0.9: 'p90', 0.99: 'p99', 1: 'max' } as const;

/**
 * What Prometheus is told. Counters grow as things happen; the rest is read when somebody asks. Never a series for
 * each agent, unless that is asked for: 10,000 of them are more than most of such servers should keep.
 */
export class Metrics {
  readonly #supervisor: Supervisor;
  readonly #report: Report;
  readonly #registry = new Registry();
  readonly #counters;
  readonly #gauges;
  readonly #roundsBegun = new Map<Managed, number>();

  constructor(supervisor: Supervisor, report: Report) {
    this.#supervisor = supervisor;
    this.#report = report;
    const registers = [this.#registry];
    const counter = <L extends string>(name: string, help: string, labelNames: L[]) =>
      new Counter({ name: `fleetd_${name}`, help, labelNames, registers });
    const histogram = (name: string, help: string) =>
      new Histogram({
        name: `fleetd_${name}`,
        help,
        labelNames: ['fleet'],
        buckets: READY_BUCKETS,
        registers,
      });
    const gauge = <L extends string>(name: string, help: string, labelNames: L[]) =>
      new Gauge({ name: `fleetd_${name}`, help, labelNames, registers });
    this.#counters = {
      events: counter('events_total', 'What happened to agents, by type of event', ['fleet', 'type']),
      exits: counter('exits_total', 'Agents that ended, by exit code, signal or other cause', [
        'fleet',
        'cause',
      ]),
      cpu: counter('supervisor_cpu_seconds_total', 'Processor time of the supervisor', []),
      ready: histogram('ready_seconds', 'From the start of an agent until it was ready'),
      rounds: histogram('round_seconds', 'From the first start of a round until its last agent was ready'),
    };
    this.#gauges = {
      info: gauge('info', 'The version that runs', ['version']),
      target: gauge('target', 'How many agents are wanted', ['fleet']),
      agents: gauge('agents', 'How many agents there are', ['fleet', 'state']),
      startingLimit: gauge('starting_limit', 'How many agents may be starting, where that is adaptive', [
        'fleet',
      ]),
      held: gauge('held', 'Whether the fleet is held', ['fleet']),
      pressure: gauge('pressure', 'Whether nothing starts because memory is short', ['fleet']),
      rss: gauge('rss_bytes', 'Resident memory of a fleet', ['fleet']),
      pss: gauge('pss_bytes', 'Proportional memory of a fleet, from a sample', ['fleet']),
      agentRss: gauge('agent_rss_quantile_bytes', 'Resident memory of agents', ['fleet', 'quantile']),
      growth: gauge('leak_growth_bytes_per_hour', 'Growth of the fleet’s memory', ['fleet']),
      verdict: gauge('leak', 'Whether memory leaks (1) or is suspected to (0.5)', ['fleet']),
      counted: gauge('verify_counted', 'Somebody else’s count of the agents', ['fleet']),
      degraded: gauge('verify_degraded', 'Whether somebody else counts too few', ['fleet']),
      maintenance: gauge('maintenance', 'Whether alarms rest', []),
      memoryTotal: gauge('host_memory_bytes', 'Memory of the host', []),
      memoryAvailable: gauge('host_memory_available_bytes', 'Memory that can be had without swapping', []),
      stall: gauge('host_memory_stall_ratio', 'Share of time in which some task waited for memory', []),
      ownRss: gauge('supervisor_rss_bytes', 'Resident memory of the supervisor', []),
      uptime: gauge('supervisor_uptime_seconds', 'How long the supervisor has been up', []),
      each: gauge('agent_rss_bytes', 'Resident memory of each agent, where asked for', ['fleet', 'slot']),
    };
    supervisor.onTurn(() => this.#followRounds());
  }

  /** Something happened to agents of a fleet. */
  event(fleet: string, type: string, count = 1): void {
    this.#counters.events.inc({ fleet, type }, count);
  }

  /** An agent ended. */
  exited(fleet: string, exit: Exit): void {
    const cause = exit.cause ?? exit.signal ?? (exit.code === null ? 'unknown' : `code ${exit.code}`);
    this.#counters.exits.inc({ fleet, cause });
  }

  /** An agent got ready so long after its start. */
  ready(fleet: string, afterMs: number): void {
    this.#counters.ready.observe({ fleet }, afterMs / 1000);
  }

  /** The exposition in Prometheus' text format. */
  async text(withAgents: boolean): Promise<{ contentType: string; body: string }> {
    for (const gauge of Object.values(this.#gauges)) gauge.reset();
    this.#setHost();
    for (const managed of this.#supervisor.fleets.values()) this.#setFleet(managed);
    if (withAgents) await this.#setAgents();
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  }

  #setHost(): void {
    const { memoryTotal, memoryAvailable, stall, ...own } = this.#gauges;
    const memory = this.#supervisor.host.readMemory();
    const { user, system } = process.cpuUsage();
    own.info.set({ version: VERSION }, 1);
    own.maintenance.set(this.#supervisor.maintenance.state ? 1 : 0);
    this.#counters.cpu.reset();
    this.#counters.cpu.inc((user + system) / 1e6);
    own.ownRss.set(process.memoryUsage.rss());
    own.uptime.set(process.uptime());
    memoryTotal.set(memory.totalBytes);
    memoryAvailable.set(memory.availableBytes);
    if (memory.pressurePercent !== null) stall.set(memory.pressurePercent / 100);
  }

  #setFleet(managed: Managed): void {
    const { target, agents, held, pressure, rss, pss, agentRss, growth, verdict, counted, degraded } =
      this.#gauges;
    const fleet = managed.name;
    const status = this.#report.fleet(managed);
    const states = { ...status, unready: managed.plan.counts.unready };
    target.set({ fleet }, status.target);
    for (const state of STATES) agents.set({ fleet, state }, states[state]);
    held.set({ fleet }, status.held ? 1 : 0);
    if (status.pace) this.#gauges.startingLimit.set({ fleet }, status.pace.limit);
    pressure.set({ fleet }, status.pressure ? 1 : 0);
    if (status.rssBytes !== null) rss.set({ fleet }, status.rssBytes);
    if (status.pssBytes !== null) pss.set({ fleet }, status.pssBytes);
    const distribution = this.#supervisor.memory.summary(managed, 0).rss;
    for (const [quantile, key] of Object.entries(QUANTILES))
      if (distribution) agentRss.set({ fleet, quantile }, distribution[key as 'p50']);
    if (status.leak) {
      growth.set({ fleet }, status.leak.bytesPerHour);
      verdict.set({ fleet }, { none: 0, suspect: 0.5, leak: 1 }[status.leak.verdict]);
    }
    if (status.verify) {
      degraded.set({ fleet }, status.verify.degraded ? 1 : 0);
      if (status.verify.counted !== null) counted.set({ fleet }, status.verify.counted);
    }
  }

  async #setAgents(): Promise<void> {
    const { agents } = await this.#report.agents(this.#supervisor.fleets.values(), {
      slots: null,
      withUsage: false,
    });
    for (const { fleet, slot, rssBytes } of agents)
      if (rssBytes !== null) this.#gauges.each.set({ fleet, slot: String(slot) }, rssBytes);
  }

  /** A round has begun with its first member and ends with its last; both happen in turns of the loop. */
  #followRounds(): void {
    for (const managed of this.#supervisor.fleets.values()) {
      const begun = this.#roundsBegun.get(managed);
      const isOpen = managed.plan.rounds.size > 0;
      if (isOpen === (begun !== undefined)) continue;
      if (isOpen) this.#roundsBegun.set(managed, performance.now());
      else {
        this.#roundsBegun.delete(managed);
        this.#counters.rounds.observe({ fleet: managed.name }, (performance.now() - begun!) / 1000);
      }
    }
  }
}
