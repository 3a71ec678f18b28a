import type { Slot } from '../fleet/agent.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { HostMemory } from '../fleet/pressure.ts';
import type { MaintenanceState } from './maintenance.ts';
import { type Condition, describeOthers, worstFirst } from './worst.ts';

/** The result of one check of everything. */
export interface WatchdogDocument {
  /** `maintenance`: alarms are silenced, whether or not there are any. */
  verdict: 'ok' | 'degraded' | 'maintenance';
  /** The result in one line. */
  summary: string;
  /** The problems, if any. */
  alarms: string[];
  /** Information that is not an alarm. */
  notes: string[];
  maintenance: MaintenanceState | null;
  fleets: WatchedFleet[];
  host: { memoryAvailablePercent: number; memoryPressurePercent: number | null };
}

/** The numbers of a fleet that decide the verdict; each wanted slot is counted once. */
export interface WatchedFleet {
  name: string;
  target: number;
  ready: number;
  /** Ended with success, and are not started again. */
  completed: number;
  /** Coming up, without a failed start. */
  coming: number;
  /** Were ready, and fail their health checks. */
  unready: number;
  /** Failed to start once or twice, and are tried again. */
  failing: number;
  /** In a crash loop: failed to start at least three times in a row. */
  looping: number;
  /** No automatic start follows. */
  failed: number;
  /** Why it is held; null if it is not. */
  held: string | null;
  /** What blocks its starts: a limit of the host, or short memory. */
  blocked: string | null;
  /** A sentence about the leak; null if there is none, or only a suspicion. */
  leak: string | null;
  /** A description of the external count if it is too low; else null. */
  uncounted: string | null;
  strays: number;
}

/** The number of consecutive failed starts that make a crash loop. */
const LOOP_FAILURES = 3;
/** Thresholds for short memory, independent of any spec's `pressure.available`: little is left, or tasks wait for it. */
const AVAILABLE_PERCENT_MIN = 5;
const PRESSURE_PERCENT_MAX = 25;
/** The summary is one line: of more fleets, it has the worst and counts the rest. */
const FLEETS_NAMED_MAX = 5;
/** The maximum length of a sentence in the summary; `alarms` has all of it. */
const SENTENCE_MAX = 160;

type Place = 'ready' | 'completed' | 'coming' | 'unready' | 'failing' | 'looping' | 'failed';

/** The results of other checks of a fleet. */
export type Findings = Pick<WatchedFleet, 'strays' | 'leak' | 'uncounted'>;

/** Returns the numbers that decide about a fleet. */
export function watchFleet(fleet: Fleet, findings: Findings): WatchedFleet {
  const counts: Record<Place, number> = {
    ready: 0,
    completed: 0,
    coming: 0,
    unready: 0,
    failing: 0,
    looping: 0,
    failed: 0,
  };
  for (const slot of fleet.slots.values()) if (slot.wanted) counts[placeOf(slot)]++;
  const isWaiting = fleet.queues.pending.size + fleet.queues.inRound.size > 0;
  return {
    name: fleet.name,
    target: fleet.target,
    ...counts,
    held: fleet.hold?.reason ?? null,
    blocked: isWaiting ? (fleet.blocked?.message ?? fleet.pressure?.reason ?? null) : null,
    ...findings,
  };
}

/**
 * A slot cannot be coming up for long: within `ready.timeout` it is ready or has failed. So a slot that has not failed yet
 * is progress, and a fleet that comes up after a boot raises no alarm.
 */
function placeOf({ agent, failures }: Slot): Place {
  switch (agent.state) {
    case 'ready':
    case 'unready':
    case 'failed':
    case 'completed':
      return agent.state;
    case 'stopping':
      return agent.cause === 'unhealthy' || agent.cause === 'not-ready' ? 'failing' : 'coming';
    default:
      if (failures >= LOOP_FAILURES) return 'looping';
      return failures > 0 ? 'failing' : 'coming';
  }
}

/**
 * The verdict of one check. It is degraded if agents are missing that are not just coming up, if a fleet is held or its
 * starts are blocked, if memory leaks or is short, or if an external count is too low.
 * @param maintenance until when alarms are silenced; null if they are not
 */
export function judgeWatch(
  fleets: readonly WatchedFleet[],
  memory: HostMemory,
  maintenance: MaintenanceState | null,
): WatchdogDocument {
  const host = {
    memoryAvailablePercent: Math.floor((100 * memory.availableBytes) / memory.totalBytes),
    memoryPressurePercent: memory.pressurePercent,
  };
  const alarms = [...fleets.flatMap(alarmsOf), ...memoryAlarms(host)];
  const notes = fleets.flatMap(notesOf);
  const silence = maintenance ? [silencedUntil(maintenance)] : [];
  return {
    verdict: maintenance ? 'maintenance' : alarms.length > 0 ? 'degraded' : 'ok',
    summary: [...silence, ...summarise(fleets, memoryAlarms(host))].join('; '),
    alarms,
    notes,
    maintenance,
    fleets: [...fleets],
    host,
  };
}

/** The sentences of the one line: what is wrong, worst first, or else how many are ready; then what is no alarm. */
function summarise(fleets: readonly WatchedFleet[], memory: readonly string[]): string[] {
  const { shown, others } = worstFirst(fleets, FLEETS_NAMED_MAX, conditionOf);
  const alarms = [...shown.flatMap(alarmsOf), ...memory];
  if (others.length === 0)
    return [...(alarms.length > 0 ? alarms : [countAll(shown)]), ...shown.flatMap(notesOf)];
  const counted =
    alarms.length > 0
      ? [...alarms, describeOthers(others.map(conditionOf), shown.length)]
      : [describeOthers(fleets.map(conditionOf), 0)];
  return [...counted, ...shown.flatMap(notesOf), ...straysOf(others)].map(shorten);
}

function conditionOf({
  name,
  target,
  ready,
  completed,
  held,
  blocked,
  leak,
  uncounted,
  ...fleet
}: WatchedFleet): Condition {
  return {
    name,
    target,
    ready: ready + completed,
    isHeld: held !== null,
    isBlocked: blocked !== null || uncounted !== null,
    failing: fleet.unready + fleet.failing + fleet.looping + fleet.failed,
    leak: leak === null ? 'none' : 'leak',
    isRollingOut: false,
  };
}

/** The strays of fleets that are only counted. */
function straysOf(fleets: readonly WatchedFleet[]): string[] {
  const count = fleets.reduce((sum, { strays }) => sum + strays, 0);
  return count > 0 ? [`${count} ${count === 1 ? 'stray' : 'strays'} of other fleets (fleetctl strays)`] : [];
}

function shorten(sentence: string): string {
  return sentence.length <= SENTENCE_MAX ? sentence : `${sentence.slice(0, SENTENCE_MAX - 1)}…`;
}

function silencedUntil({ until }: MaintenanceState): string {
  return `alarms are silenced until ${until ?? 'fleetctl maintenance off'}`;
}

function alarmsOf(fleet: WatchedFleet): string[] {
  const { name, held, blocked, leak, uncounted } = fleet;
  const why = whyMissing(fleet);
  return [
    ...(why.length > 0 ? [`${count(fleet)} (${why.join(', ')})`] : []),
    ...(held === null ? [] : [`${name} is held: ${held}`]),
    ...(blocked === null ? [] : [`${name} starts no agents: ${blocked}`]),
    ...(leak === null ? [] : [`${name}: ${leak}`]),
    ...(uncounted === null ? [] : [`${name}: ${uncounted}`]),
  ];
}

/** Why agents are missing that are not just coming up, each reason with its number. */
export function whyMissing({ unready, failing, looping, failed }: WatchedFleet): string[] {
  return [
    ...(unready > 0 ? [`${unready} unready`] : []),
    ...(failing > 0 ? [`${failing} failing`] : []),
    ...(looping > 0 ? [`${looping} in a crash loop`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
  ];
}

function notesOf(fleet: WatchedFleet): string[] {
  const { name, coming, strays } = fleet;
  const isStopped = fleet.held !== null || fleet.blocked !== null;
  return [
    ...(coming > 0 && !isStopped ? [`${name}: ${coming} coming up`] : []),
    ...(strays > 0 ? [`${name}: ${strays} ${strays === 1 ? 'stray' : 'strays'} (fleetctl strays)`] : []),
  ];
}

function memoryAlarms({ memoryAvailablePercent, memoryPressurePercent }: WatchdogDocument['host']): string[] {
  return [
    ...(memoryAvailablePercent < AVAILABLE_PERCENT_MIN
      ? [`only ${memoryAvailablePercent} % of memory is available`]
      : []),
    ...((memoryPressurePercent ?? 0) > PRESSURE_PERCENT_MAX
      ? [`tasks wait for memory ${memoryPressurePercent} % of the time`]
      : []),
  ];
}

function countAll(fleets: readonly WatchedFleet[]): string {
  if (fleets.length === 0) return 'no fleets';
  return fleets.map(count).join(', ');
}

function count({ name, ready, completed, target }: WatchedFleet): string {
  return `${name} ${ready} of ${target} ready${completed > 0 ? `, ${completed} completed` : ''}`;
}
