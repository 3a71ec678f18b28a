import type { FleetStatus } from '../api/fleets.ts';
import type { StatusDocument } from '../api/status.ts';
import { combine, type Demand, demandOf } from '../doctor/demand.ts';
import type { HostFacts } from '../doctor/facts.ts';
import { FleetError } from '../errors/fleet-error.ts';
import { measureAgents } from '../host/facts/agents.ts';
import { readHostFacts } from '../host/facts/facts.ts';
import type { Spec } from '../specification/spec.ts';
import { isAbsent, isAway } from './client.ts';
import type { Context } from './context.ts';
import { wholeNumber } from './numbers.ts';
import { printMessage } from './output.ts';
import { type Checked, checkedAll } from './spec-check.ts';
import { localSource, type Source, sourcesFrom } from './spec-source.ts';

/** What doctor and plan examine: agents, and the host that they run on. */
export interface Subject {
  demand: Demand;
  facts: HostFacts;
  /** The spec and the directory that its paths are relative to, if there is exactly one spec. */
  source: { spec: Spec; baseDir: string } | null;
  /** Main processes of all agents that the supervisor knows. */
  agents: ReadonlySet<number>;
}

/** A fleet that the command examines: its spec, and what the supervisor reports about it. */
interface Examined {
  spec: Spec | null;
  baseDir: string;
  status: FleetStatus | null;
}

/**
 * Finds out what to examine: the fleets of -f FILE, else of ./fleet.yaml, else the fleets that the supervisor knows.
 * Running agents are measured. With --agents, neither a supervisor nor a fleet is needed.
 */
export async function settleSubject(
  context: Context,
  { isCountNeeded = true }: { isCountNeeded?: boolean } = {},
): Promise<Subject> {
  const { directories, options } = context;
  const wanted = options.agents === undefined ? null : wholeNumber(options.agents, '--agents', 1);
  const sources = await sourcesOf(context);
  const status = await statusOrNull(context);
  const examined =
    sources.length > 0
      ? (await checkedAll(sources)).map((one) => examinedFrom(one, status))
      : await fleetsOf(context, status?.fleets ?? []);
  const rows = status === null ? [] : await runningRows(context);
  const demands = examined.map((one) =>
    demandFor(one, { wanted, status, rows, directories, count: examined.length }),
  );
  if (demands.length === 0) demands.push(demandOf({ spec: null, agents: wanted ?? 0, directories }));
  if (isCountNeeded && demands.every(({ agents }) => agents === 0)) throw countMissing();
  const demand =
    demands.length > 1 && wanted !== null ? { ...combine(demands), agents: wanted } : combine(demands);
  const pids = rows.map(({ pid }) => pid);
  const [only] = examined;
  return {
    demand,
    facts: readHostFacts({
      directories,
      pids: status === null ? [] : [status.supervisor.pid, ...pids.slice(0, 1)],
    }),
    source: examined.length === 1 && only?.spec ? { spec: only.spec, baseDir: only.baseDir } : null,
    agents: new Set(pids),
  };
}

async function sourcesOf({ options, fleet }: Context): Promise<Source[]> {
  if (options.file !== undefined) return sourcesFrom(options.file);
  const local = await localSource(fleet);
  return local ? [local] : [];
}

/** The status that the supervisor reports; null if none answers, or if it belongs to another user. */
async function statusOrNull({ client }: Context): Promise<StatusDocument | null> {
  try {
    return await client.call('status');
  } catch (error) {
    if (isAbsent(error) || (error as FleetError).code === 'SUPERVISOR_DENIED') return null;
    if (!isAway(error)) throw error;
    printMessage(`note: ${(error as FleetError).message}; its agents count as other processes`);
    return null;
  }
}

function examinedFrom({ spec, source }: Checked, status: StatusDocument | null): Examined {
  return {
    spec,
    baseDir: source.baseDir,
    status: status?.fleets.find(({ name }) => name === spec.name) ?? null,
  };
}

async function fleetsOf({ client, fleet }: Context, fleets: readonly FleetStatus[]): Promise<Examined[]> {
  const chosen = fleets.filter(({ name }) => fleet === null || name === fleet);
  if (fleet !== null && chosen.length === 0) throw FleetError.of('UNKNOWN.fleet', { fleet });
  return Promise.all(
    chosen.map(async (status) => {
      return { ...(await client.call('fleet', { fleet: status.name })), status };
    }),
  );
}

interface Row {
  fleet: string;
  slot: number;
  pid: number;
}

async function runningRows({ client }: Context): Promise<Row[]> {
  const { agents } = await client.call('agents');
  return agents.flatMap(({ fleet, slot, pid }) => (pid === null ? [] : [{ fleet, slot, pid }]));
}

interface Known {
  wanted: number | null;
  status: StatusDocument | null;
  rows: readonly Row[];
  directories: Context['directories'];
  /** The number of fleets examined; with several, each keeps its own target. */
  count: number;
}

function demandFor(
  { spec, status: own }: Examined,
  { wanted, status, rows, directories, count }: Known,
): Demand {
  const name = own?.name ?? spec?.name;
  const mine = rows.filter(({ fleet }) => fleet === name);
  const others = status?.fleets.filter((fleet) => fleet.name !== name) ?? [];
  return demandOf({
    spec,
    // The spec states the future target; a fleet that already runs may have a higher one.
    agents: (count === 1 ? wanted : null) ?? Math.max(spec?.target ?? 0, own?.target ?? 0),
    running: mine.length,
    others: count === 1 ? others.reduce((sum, { target }) => sum + target, 0) : 0,
    ownSlots: new Set(mine.map(({ slot }) => slot)),
    measured: measureAgents(mine.map(({ pid }) => pid)),
    directories,
  });
}

function countMissing(): FleetError {
  return new FleetError('USAGE', 'the number of agents is missing', {
    hint: 'Give --agents N, or -f FILE with a spec that has a target.',
  });
}
