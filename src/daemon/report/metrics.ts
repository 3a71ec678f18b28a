import { Registry } from 'prom-client';
import type { AgentState } from '../../api/agents.ts';
import { CONDITIONS } from '../../fleet/alerts.ts';
import type { AgentExit } from '../../fleet/exit.ts';
import { NO_ALERTS } from '../../supervisor/alerts.ts';
import type { FleetRunner } from '../fleet/runner.ts';
import { VERSION } from '../shared/version.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { Memory } from '../watches/memory.ts';
import { type Instruments, instruments } from './instruments.ts';
import type { Report } from './report.ts';

const STATES: readonly AgentState[] = [
  'starting',
  'ready',
  'unready',
  'stopping',
  'backoff',
  'failed',
  'completed',
];
const QUANTILES = { 0.5: 'p50', 0.9: 'p90', 0.99: 'p99', 1: 'max' } as const;

/**
 * The metrics for Prometheus. Counters grow with events; the rest is read on request. There is no series per agent unless
 * requested: 10,000 of them are more than most servers should keep.
 */
export class Metrics {
  readonly #supervisor: Supervisor;
  readonly #report: Report;
  readonly #registry = new Registry();
  readonly #counters: Instruments['counters'];
  readonly #gauges: Instruments['gauges'];
  readonly #roundsBegun = new Map<FleetRunner, number>();

  constructor(supervisor: Supervisor, report: Report) {
    this.#supervisor = supervisor;
    this.#report = report;
    ({ counters: this.#counters, gauges: this.#gauges } = instruments(this.#registry));
    supervisor.loop.follow(() => this.#followRounds());
  }

  /** The counters since the supervisor's start. */
  get counters(): Instruments['counters'] {
    return this.#counters;
  }

  /** Counts events of agents of a fleet. */
  event(fleet: string, type: string, count = 1): void {
    this.#counters.events.inc({ fleet, type }, count);
  }

  /** Counts an agent that ended. */
  exited(fleet: string, exit: AgentExit): void {
    const cause = exit.cause ?? exit.signal ?? (exit.code === null ? 'unknown' : `code ${exit.code}`);
    this.#counters.exits.inc({ fleet, cause });
  }

  /** Counts an agent that became ready. @param afterMs the time since its start */
  ready(fleet: string, afterMs: number): void {
    this.#counters.ready.observe({ fleet }, afterMs / 1000);
  }

  /** Counts attempts to send a notice of `alerts`, and notices that were given up. */
  alerted(fleet: string, result: 'sent' | 'failed' | 'given up'): void {
    this.#counters.alerts.inc({ fleet, result });
  }

  /** Counts agents that were to be reloaded. */
  reloaded(fleet: string, result: 'reloaded' | 'skipped' | 'failed'): void {
    this.#counters.reloads.inc({ fleet, result });
  }

  /** Counts processes that got a signal of a command. */
  signalled(fleet: string, signal: string, count: number): void {
    this.#counters.signals.inc({ fleet, signal }, count);
  }

  /** Counts attempts to send telemetry. */
  exported(signal: string, isSent: boolean): void {
    this.#counters.telemetry.inc({ signal, result: isSent ? 'sent' : 'failed' });
  }

  /** The exposition in Prometheus' text format. */
  async text(withAgents: boolean): Promise<{ contentType: string; body: string }> {
    for (const gauge of Object.values(this.#gauges)) gauge.reset();
    this.#setHost();
    for (const runner of this.#supervisor.fleets.values()) this.#setFleet(runner);
    if (withAgents) await this.#setAgents();
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  }

  #setHost(): void {
    const { memoryTotal, memoryAvailable, stall, ...own } = this.#gauges;
    const memory = this.#supervisor.host.memory.readMemory();
    const { user, system } = process.cpuUsage();
    own.info.set({ version: VERSION }, 1);
    own.maintenance.set(this.#supervisor.maintenance.state ? 1 : 0);
    this.#counters.lost.reset();
    this.#counters.lost.inc(this.#supervisor.events.lost);
    this.#counters.cpu.reset();
    this.#counters.cpu.inc((user + system) / 1e6);
    own.ownRss.set(process.memoryUsage.rss());
    own.uptime.set(process.uptime());
    memoryTotal.set(memory.totalBytes);
    memoryAvailable.set(memory.availableBytes);
    if (memory.pressurePercent !== null) stall.set(memory.pressurePercent / 100);
  }

  #setFleet(runner: FleetRunner): void {
    const { target, agents, held, pressure, rss, pss, agentRss, growth, verdict, counted, degraded } =
      this.#gauges;
    const fleet = runner.name;
    const status = this.#report.fleet(runner);
    const states = { ...status, unready: runner.fleet.counts.unready };
    target.set({ fleet }, status.target);
    for (const state of STATES) agents.set({ fleet, state }, states[state]);
    held.set({ fleet }, status.held ? 1 : 0);
    if (status.pace) this.#gauges.startingLimit.set({ fleet }, status.pace.limit);
    pressure.set({ fleet }, status.pressure ? 1 : 0);
    if (status.rssBytes !== null) rss.set({ fleet }, status.rssBytes);
    if (status.pssBytes !== null) pss.set({ fleet }, status.pssBytes);
    const distribution = runner.watch(Memory).summary(0).rss;
    for (const [quantile, key] of Object.entries(QUANTILES))
      if (distribution) agentRss.set({ fleet, quantile }, distribution[key as 'p50']);
    if (status.leak) {
      growth.set({ fleet }, status.leak.bytesPerHour);
      verdict.set({ fleet }, { none: 0, suspect: 0.5, leak: 1 }[status.leak.verdict]);
    }
    this.#setAlerts(runner);
    if (status.verify) {
      degraded.set({ fleet }, status.verify.degraded ? 1 : 0);
      if (status.verify.counted !== null) counted.set({ fleet }, status.verify.counted);
    }
  }

  #setAlerts({ name: fleet, fleet: { record, spec } }: FleetRunner): void {
    if (!spec.alerts) return;
    const { open, unsent } = record.alerts ?? NO_ALERTS;
    this.#gauges.alertsUnsent.set({ fleet }, unsent.length);
    for (const condition of CONDITIONS)
      this.#gauges.alert.set({ fleet, condition }, open.includes(condition) ? 1 : 0);
  }

  async #setAgents(): Promise<void> {
    const { agents } = await this.#report.agents(this.#supervisor.fleets.values(), {
      slots: null,
      withUsage: false,
    });
    for (const { fleet, slot, rssBytes } of agents)
      if (rssBytes !== null) this.#gauges.each.set({ fleet, slot: String(slot) }, rssBytes);
  }

  /** A round starts with its first member and ends with its last; both happen in turns of the loop. */
  #followRounds(): void {
    for (const runner of this.#supervisor.fleets.values()) {
      const begun = this.#roundsBegun.get(runner);
      const isOpen = runner.fleet.rounds.size > 0;
      if (isOpen === (begun !== undefined)) continue;
      if (isOpen) this.#roundsBegun.set(runner, performance.now());
      else {
        this.#roundsBegun.delete(runner);
        this.#counters.rounds.observe({ fleet: runner.name }, (performance.now() - begun!) / 1000);
      }
    }
  }
}
