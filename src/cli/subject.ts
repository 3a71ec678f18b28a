import type { FleetStatus } from '../api/fleets.ts';
import type { StatusDocument } from '../api/status.ts';
import { combine, type Demand, demandOf } from '../doctor/demand.ts';
import type { HostFacts } from '../doctor/facts.ts';
import { FleetError } from '../errors.ts';
import { measureAgents } from '../host/facts/agents.ts';
import { readHostFacts } from '../host/facts/facts.ts';
import { portOf } from '../specification/paths.ts';
import type { Spec } from '../specification/spec.ts';
import { isAbsent, isAway } from './client.ts';
import type { Context } from './context.ts';
import { wholeNumber } from './numbers.ts';
import { say } from './output.ts';
import { checked, localSource, type Source, sourceFromFile } from './spec-source.ts';

/** What doctor and plan are about: agents, and the host that they are to run on. */
export interface Subject {
  demand: Demand;
  facts: HostFacts;
  /** The spec with what its relative paths start from, where there is one spec. */
  source: { spec: Spec; baseDir: string } | null;
  /** Main processes of all agents that are known here. */
  agents: ReadonlySet<number>;
}

/** A fleet that is meant: its spec, and what the supervisor says about it. */
interface Meant {
  spec: Spec | null;
  baseDir: string;
  status: FleetStatus | null;
}

/**
 * Finds out what the user means: the fleet of -f FILE, else of ./fleet.yaml, else the fleets that the supervisor knows.
 * Agents that run are measured. Neither a supervisor nor a fleet is needed where --agents says how many.
 */
export async function settleSubject(
  context: Context,
  { isCountNeeded = true }: { isCountNeeded?: boolean } = {},
): Promise<Subject> {
  const { directories, options } = context;
  const wanted = options.agents === undefined ? null : wholeNumber(options.agents, '--agents', 1);
  const source = await sourceOf(context);
  const status = await statusOrNull(context);
  const meant = source ? [await meantBy(source, status)] : await fleetsOf(context, status?.fleets ?? []);
  const rows = status === null ? [] : await runningRows(context);
  const demands = meant.map((one) =>
    demandFor(one, { wanted, status, rows, directories, count: meant.length }),
  );
  if (demands.length === 0) demands.push(demandOf({ spec: null, agents: wanted ?? 0, directories }));
  if (isCountNeeded && demands.every(({ agents }) => agents === 0)) throw howMany();
  const demand =
    demands.length > 1 && wanted !== null ? { ...combine(demands), agents: wanted } : combine(demands);
  const pids = rows.map(({ pid }) => pid);
  const [only] = meant;
  return {
    demand,
    facts: readHostFacts({
      directories,
      pids: status === null ? [] : [status.supervisor.pid, ...pids.slice(0, 1)],
      ...nofileHere(status === null),
    }),
    source: meant.length === 1 && only?.spec ? { spec: only.spec, baseDir: only.baseDir } : null,
    agents: new Set(pids),
  };
}

/** Agents inherit the soft limit that their supervisor was started with, before Node raised its own (bin/with-node). */
function nofileHere(isHere: boolean): { nofileOfAgents?: number } {
  const soft = Number(process.env.FLEETD_SOFT_NOFILE);
  return isHere && soft > 0 ? { nofileOfAgents: soft } : {};
}

async function sourceOf({ options, fleet }: Context): Promise<Source | null> {
  if (options.file !== undefined) return sourceFromFile(options.file);
  const local = await localSource();
  return local && (fleet === null || local.name === fleet) ? local : null;
}

/** What the supervisor says; null where none answers, or where it is another user's. */
async function statusOrNull({ client }: Context): Promise<StatusDocument | null> {
  try {
    return await client.call('status');
  } catch (error) {
    if (isAbsent(error) || (error as FleetError).code === 'SUPERVISOR_DENIED') return null;
    if (!isAway(error)) throw error;
    say(`note: ${(error as FleetError).message} Its agents are taken for strangers.`);
    return null;
  }
}

async function meantBy(source: Source, status: StatusDocument | null): Promise<Meant> {
  const spec = await checked(source);
  return {
    spec,
    baseDir: source.baseDir,
    status: status?.fleets.find(({ name }) => name === spec.name) ?? null,
  };
}

async function fleetsOf({ client, fleet }: Context, fleets: readonly FleetStatus[]): Promise<Meant[]> {
  const meant = fleets.filter(({ name }) => fleet === null || name === fleet);
  if (fleet !== null && meant.length === 0)
    throw new FleetError('UNKNOWN', `There is no fleet “${fleet}” here.`);
  return Promise.all(
    meant.map(async (status) => {
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
  /** How many fleets are meant; with several, each keeps its own target. */
  count: number;
}

function demandFor(
  { spec, status: own }: Meant,
  { wanted, status, rows, directories, count }: Known,
): Demand {
  const name = own?.name ?? spec?.name;
  const mine = rows.filter(({ fleet }) => fleet === name);
  const others = status?.fleets.filter((fleet) => fleet.name !== name) ?? [];
  return demandOf({
    spec,
    // What a spec says is what will be wanted; a fleet that is known may be wanted larger already.
    agents: (count === 1 ? wanted : null) ?? Math.max(spec?.target ?? 0, own?.target ?? 0),
    running: mine.length,
    others: count === 1 ? others.reduce((sum, { target }) => sum + target, 0) : 0,
    ownPorts: portsOf(spec, mine),
    measured: measureAgents(mine.map(({ pid }) => pid)),
    directories,
  });
}

function portsOf(spec: Spec | null, rows: readonly Row[]): Set<number> {
  const ports = spec?.ports ?? null;
  if (ports === null) return new Set();
  return new Set(
    rows.flatMap(({ slot }) => Array.from({ length: ports.perAgent }, (_, i) => portOf(ports, slot)! + i)),
  );
}

function howMany(): FleetError {
  return new FleetError('USAGE', 'How many agents? Neither --agents nor a spec with a target says so.', {
    hint: 'Give --agents N, or -f FILE.',
  });
}
