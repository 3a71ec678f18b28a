import type { Addresses, Ports, Spec, User } from '../specification/spec.ts';

/** What one agent uses of the host. These are averages, so fractions are possible. */
export interface Needs {
  /** Processes and threads. */
  tasks: number;
  files: number;
  memoryBytes: number;
  udpSockets: number;
  tcpSockets: number;
  inotifyInstances: number;
  inotifyWatches: number;
  /** In the state directory. */
  diskBytes: number;
  inodes: number;
}

/** The needs that can be measured on running agents. */
export type Measurable = Exclude<keyof Needs, 'diskBytes' | 'inodes'>;

/** What was measured on some running agents (memory as PSS); null for what could not be read. */
export type AgentMeasure = { agents: number } & Record<Measurable, number | null>;

/** What a fleet demands of this host. */
export interface Demand {
  /** The fleets that were combined to this one; absent if it is one. */
  parts?: readonly Demand[];
  /** The number of agents wanted. */
  agents: number;
  /** The number of them that already run; the host's figures include what they use. */
  running: number;
  /** Agents of other fleets; the supervisor needs a descriptor for each of them too. */
  others: number;
  fleet: string | null;
  user: User | null;
  ports: Ports | null;
  addresses: Addresses | null;
  /** The slots whose agents run: they serve ports of their own. */
  ownSlots: ReadonlySet<number>;
  /** The spec's limit of open files for an agent. */
  nofile: number | null;
  /** The spec's limits and attributes of its processes; null without a spec. */
  limits: Spec['limits'];
  process: Spec['process'] | null;
  sandbox: Spec['sandbox'];
  memory: { requestBytes: number | null; limitBytes: number | null };
  logsTo: Spec['logs']['to'];
  directories: { stateDir: string; runtimeDir: string } | null;
  /** What an agent is expected to use: measured, from the spec, or assumed. */
  likely: Needs;
  /** What an agent uses at least. */
  least: Needs;
  /** A description of the origin of each figure in `likely`. */
  basis: Readonly<Record<keyof Needs, string>>;
}

const KIBIBYTE = 1024;

/** Assumptions for a small daemon: one process, and the descriptors of a daemon with a few sockets. */
const ASSUMED: Needs = {
  tasks: 1,
  files: 16,
  memoryBytes: 10 * KIBIBYTE * KIBIBYTE,
  udpSockets: 0,
  tcpSockets: 0,
  inotifyInstances: 0,
  inotifyWatches: 0,
  diskBytes: 0,
  inodes: 4,
};

/**
 * Kernel memory of a process, in addition to its own pages: 56 KiB of slab, 49 KiB of page tables and a stack of 16 KiB,
 * measured on 3,000 sleeping processes in leaf cgroups of their own (Linux 6.18, x86-64).
 */
const KERNEL_BYTES = 120 * KIBIBYTE;

/**
 * What bubblewrap in front of an agent takes: 148 KiB of its own, 144 in the kernel (a mount namespace among it), measured
 * on 1,000 sleeping processes (bubblewrap 0.8, Linux 6.18, x86-64).
 */
const BUBBLEWRAP = { tasks: 1, memoryBytes: 292 * KIBIBYTE } as const;

/** The minimum of any agent: one task; /dev/null and its log; its kernel memory; a directory and a log. */
const LEAST: Needs = {
  tasks: 1,
  files: 2,
  memoryBytes: KERNEL_BYTES,
  udpSockets: 0,
  tcpSockets: 0,
  inotifyInstances: 0,
  inotifyWatches: 0,
  diskBytes: 4 * KIBIBYTE,
  inodes: 2,
};

/** What is known about a fleet. */
export interface Known {
  spec: Spec | null;
  agents: number;
  running?: number;
  others?: number;
  ownSlots?: ReadonlySet<number>;
  measured?: AgentMeasure | null;
  directories?: { stateDir: string; runtimeDir: string };
}

/** The demand of a fleet: measured if its agents run, else from the spec, else assumed. */
export function demandOf(known: Known): Demand {
  const { spec, agents, running = 0, others = 0, ownSlots = new Set(), measured = null } = known;
  const memory = spec?.resources?.memory;
  const { likely, basis } = likelyNeeds(spec, measured);
  const least = leastNeeds(likely, measured);
  const sandbox = spec?.sandbox ?? null;
  const whole = (needs: Needs) => (sandbox === null ? needs : withBubblewrap(needs));
  return {
    agents,
    running,
    others,
    fleet: spec?.name ?? null,
    user: spec?.user ?? null,
    ports: spec?.ports ?? null,
    addresses: spec?.addresses ?? null,
    ownSlots,
    nofile: spec?.resources?.nofile ?? null,
    limits: spec?.limits ?? null,
    process: spec?.process ?? null,
    sandbox,
    memory: { requestBytes: memory?.requestBytes ?? null, limitBytes: memory?.limitBytes ?? null },
    logsTo: spec?.logs.to ?? 'file',
    directories: known.directories ?? null,
    likely: whole(likely),
    least: whole(least),
    basis: sandbox === null ? basis : mapNeeds((need) => basisWithBubblewrap(need, basis)),
  };
}

function withBubblewrap(needs: Needs): Needs {
  return {
    ...needs,
    tasks: needs.tasks + BUBBLEWRAP.tasks,
    memoryBytes: needs.memoryBytes + BUBBLEWRAP.memoryBytes,
  };
}

/** What is only assumed stays so (surest()). */
function basisWithBubblewrap(need: keyof Needs, basis: Demand['basis']): string {
  if (need !== 'memoryBytes' || basis[need] === 'assumed') return basis[need];
  return `${basis[need]}, plus ${BUBBLEWRAP.memoryBytes / KIBIBYTE}K for bubblewrap`;
}

/** Several fleets as one: the sum of their agents, with average needs. Ports are left to each fleet. */
export function combine(demands: readonly Demand[]): Demand {
  const [first] = demands;
  if (first === undefined || demands.length === 1) return first ?? demandOf({ spec: null, agents: 0 });
  const agents = sum(demands, (demand) => demand.agents);
  const average = (of: (demand: Demand) => number) =>
    sum(demands, (demand) => of(demand) * demand.agents) / Math.max(1, agents);
  const averages = (which: 'likely' | 'least') =>
    mapNeeds((need) => average((demand) => demand[which][need]));
  return {
    ...first,
    parts: demands,
    agents,
    running: sum(demands, (demand) => demand.running),
    fleet: null,
    ports: null,
    addresses: null,
    nofile: Math.max(...demands.map(({ nofile }) => nofile ?? 0)) || null,
    limits: null,
    process: null,
    sandbox: null,
    memory: { requestBytes: null, limitBytes: null },
    likely: averages('likely'),
    least: averages('least'),
    basis: mapNeeds(() => `the average of ${demands.length} fleets`),
  };
}

function likelyNeeds(spec: Spec | null, measured: AgentMeasure | null): Pick<Demand, 'likely' | 'basis'> {
  const likely: Needs = { ...ASSUMED };
  const basis = mapNeeds(() => 'assumed');
  const set = (need: keyof Needs, value: number | null | undefined, from: string) => {
    if (value === null || value === undefined) return;
    likely[need] = value;
    basis[need] = from;
  };
  if (spec) {
    const { ports, resources, logs } = spec;
    if (ports) {
      set(ports.protocol === 'udp' ? 'udpSockets' : 'tcpSockets', ports.perAgent, 'the ports of the spec');
    }
    set('memoryBytes', resources?.memory?.requestBytes, 'resources.memory.request');
    if (logs.to === 'file') set('diskBytes', logBytes(logs), 'logs.maxSize');
  }
  for (const need of MEASURABLE) {
    if (need !== 'memoryBytes') set(need, measured?.[need], `measured on ${measured?.agents} of them`);
  }
  if (measured?.memoryBytes != null) {
    const basis = `PSS of ${measured.agents} of them, plus ${KERNEL_BYTES / KIBIBYTE}K in the kernel`;
    set('memoryBytes', measured.memoryBytes + KERNEL_BYTES, basis);
  }
  return { likely, basis };
}

/** Measured needs count as certain, because the next agents are like the running ones. */
function leastNeeds(likely: Needs, measured: AgentMeasure | null): Needs {
  const least: Needs = { ...LEAST };
  for (const need of MEASURABLE) if (measured?.[need] != null) least[need] = likely[need];
  return least;
}

const MEASURABLE: readonly Measurable[] = [
  'tasks',
  'files',
  'memoryBytes',
  'udpSockets',
  'tcpSockets',
  'inotifyInstances',
  'inotifyWatches',
];

function mapNeeds<Value>(of: (need: keyof Needs) => Value): Record<keyof Needs, Value> {
  return Object.fromEntries(
    (Object.keys(ASSUMED) as (keyof Needs)[]).map((need) => [need, of(need)]),
  ) as Record<keyof Needs, Value>;
}

function sum(demands: readonly Demand[], of: (demand: Demand) => number): number {
  return demands.reduce((total, demand) => total + of(demand), 0);
}

/** The disk space of an agent's logs: their parts, each half of maxSize, the copy while one is cut, and as much between. */
function logBytes({ maxSizeBytes, keep = 1, stderr }: Spec['logs']): number {
  return ((keep + 3) / 2) * maxSizeBytes * (stderr === 'separate' ? 2 : 1);
}
