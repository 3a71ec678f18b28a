import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Seconds: from a program that is ready at once to one that waits for a slow registry. */
const READY_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

export type Instruments = ReturnType<typeof instruments>;

/** Registers every metric with its name, help and labels; returns them by the names that the code uses. */
export function instruments(registry: Registry) {
  const registers = [registry];
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
  const counters = {
    events: counter('events_total', 'Events of agents, by type', ['fleet', 'type']),
    lost: counter('events_lost_total', 'Events that were lost because their file could not be written', []),
    exits: counter('exits_total', 'Agents that exited, by exit code, signal or other cause', [
      'fleet',
      'cause',
    ]),
    alerts: counter('alert_attempts_total', 'Attempts to send a notice of alerts, by result', [
      'fleet',
      'result',
    ]),
    reloads: counter('reloads_total', 'Agents that were to be reloaded, by result', ['fleet', 'result']),
    signals: counter('signals_total', 'Processes that got a signal of fleetctl signal', ['fleet', 'signal']),
    telemetry: counter('telemetry_exports_total', 'Attempts to send telemetry, by signal and result', [
      'signal',
      'result',
    ]),
    cpu: counter('supervisor_cpu_seconds_total', 'Processor time used by the supervisor', []),
    ready: histogram('ready_seconds', 'Time from the start of an agent until it was ready'),
    rounds: histogram('round_seconds', 'Time from the first start of a round until its last agent was ready'),
  };
  const gauges = {
    info: gauge('info', 'The version of the running supervisor', ['version']),
    target: gauge('target', 'The number of agents that are wanted', ['fleet']),
    agents: gauge('agents', 'The number of agents, by state', ['fleet', 'state']),
    startingLimit: gauge('starting_limit', 'The maximum number of starting agents, if it is adaptive', [
      'fleet',
    ]),
    held: gauge('held', 'Whether the fleet is held', ['fleet']),
    pressure: gauge('pressure', 'Whether nothing starts because memory is short', ['fleet']),
    rss: gauge('rss_bytes', 'Resident memory of a fleet', ['fleet']),
    pss: gauge('pss_bytes', 'Proportional memory of a fleet, from a sample', ['fleet']),
    agentRss: gauge('agent_rss_quantile_bytes', 'Resident memory of agents', ['fleet', 'quantile']),
    growth: gauge('leak_growth_bytes_per_hour', 'Growth of the fleet’s memory', ['fleet']),
    verdict: gauge('leak', 'Whether memory leaks (1) or is suspected to (0.5)', ['fleet']),
    counted: gauge('verify_counted', 'The external count of the agents', ['fleet']),
    degraded: gauge('verify_degraded', 'Whether the external count is too low', ['fleet']),
    alert: gauge('alert', 'Whether the receiver of alerts was told that this holds', ['fleet', 'condition']),
    alertsUnsent: gauge('alert_notices_unsent', 'Notices of alerts that wait to be sent', ['fleet']),
    maintenance: gauge('maintenance', 'Whether alarms are silenced', []),
    memoryTotal: gauge('host_memory_bytes', 'Memory of the host', []),
    memoryAvailable: gauge('host_memory_available_bytes', 'Memory available without swapping', []),
    stall: gauge('host_memory_stall_ratio', 'Share of time in which some task waited for memory', []),
    ownRss: gauge('supervisor_rss_bytes', 'Resident memory of the supervisor', []),
    uptime: gauge('supervisor_uptime_seconds', 'Time since the start of the supervisor', []),
    each: gauge('agent_rss_bytes', 'Resident memory of each agent, if requested', ['fleet', 'slot']),
  };
  return { counters, gauges };
}
