import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Seconds: from a program that is up at once to one that waits for a slow registry. */
const READY_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

export type Instruments = ReturnType<typeof instruments>;

/** Puts every metric into a registry, each with its name, help and labels; gives them by what the code calls them. */
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
    events: counter('events_total', 'What happened to agents, by type of event', ['fleet', 'type']),
    exits: counter('exits_total', 'Agents that ended, by exit code, signal or other cause', [
      'fleet',
      'cause',
    ]),
    cpu: counter('supervisor_cpu_seconds_total', 'Processor time of the supervisor', []),
    ready: histogram('ready_seconds', 'From the start of an agent until it was ready'),
    rounds: histogram('round_seconds', 'From the first start of a round until its last agent was ready'),
  };
  const gauges = {
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
  return { counters, gauges };
}
