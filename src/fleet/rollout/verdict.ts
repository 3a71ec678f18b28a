import { formatSlots } from '../../specification/slots.ts';
import { formatSize } from '../../specification/units.ts';
import type { Slot } from '../agent.ts';
import { shareOf } from '../storm.ts';
import type { AgentFailure, Cohort, Rollout } from './record.ts';
import type { Survey } from './rolling.ts';

/**
 * The limits beyond which a measure is bad: a multiple of the old release's, and a difference that matters. Agents that
 * start together, and other work on the host, delay readiness by hundreds of milliseconds without any fault (memcached,
 * alone and 48 together on 2 cores: 90 and 455 ms).
 */
const READY_LIMIT = { factor: 4, moreMs: 1_000 } as const;
const RSS_LIMIT = { factor: 2, moreBytes: 4 * 1024 ** 2 } as const;
const CPU_LIMIT = { factor: 3, more: 0.1 } as const;
/** Processor time is counted in ticks of 10 ms (proc_pid_stat(5)), so over less than this it is meaningless. */
const CPU_MS_MIN = 1_000;

/**
 * Judges the failures of a rollout so far.
 * @param members the agents of the batch under way
 * @param total the agents of the fleet
 * @returns why it is bad; null if it is not
 */
export function judgeFailures(
  { failures, broken, batch, options: { maxFailed } }: Rollout,
  members: readonly number[],
  total: number,
): string | null {
  const counted = failures.filter(({ slot }) => !broken.includes(slot));
  if (counted.length === 0) return null;
  const failed = new Set(counted.map(({ slot }) => slot));
  const tried = members.filter((slot) => !broken.includes(slot));
  if (tried.length > 0 && tried.every((slot) => failed.has(slot))) {
    const who = tried.length === 1 ? 'the only agent' : `all ${tried.length} agents`;
    return `${who} failed: ${describeFailures(counted.filter(({ slot }) => tried.includes(slot)))}`;
  }
  const of = batch?.isCanary ? members.length : total;
  if (counted.length <= shareOf(maxFailed, of)) return null;
  const limit = 'count' in maxFailed ? maxFailed.count : `${maxFailed.percent}%`;
  return `${counted.length} of ${of} agents failed (maxFailed is ${limit}): ${describeFailures(counted)}`;
}

/** The commonest reason first, with its slots: `exited 1 (slots 0-3); killed by SIGSEGV (slot 9)`. */
export function describeFailures(failures: readonly AgentFailure[]): string {
  const byReason = Map.groupBy(failures, ({ reason }) => reason.replace(/\b(port|slot) \d+/g, '$1 …'));
  const kinds = [...byReason.values()].toSorted((a, b) => b.length - a.length);
  const shown = kinds.slice(0, KINDS_SHOWN_MAX).map((alike) => {
    const slots = alike.map(({ slot }) => slot).toSorted((a, b) => a - b);
    return `${alike[0]!.reason} (${slots.length === 1 ? 'slot' : 'slots'} ${formatSlots(slots)})`;
  });
  const others = kinds.length - shown.length;
  return [
    ...shown,
    ...(others > 0 ? [`and ${others} other ${others === 1 ? 'reason' : 'reasons'}`] : []),
  ].join('; ');
}

const KINDS_SHOWN_MAX = 3;

/**
 * The measurements of the agents of a release.
 * @param slots the ready ones; all of them count for the time to ready
 * @param first the survey before `latest`: the difference is processor time; each covers some of the agents
 */
export function cohortOf(slots: readonly Slot[], first: Survey | null, latest: Survey | null): Cohort {
  const readyMs: number[] = [];
  const rssBytes: number[] = [];
  const cpu: number[] = [];
  const elapsedMs = first && latest ? latest.at - first.at : 0;
  for (const { number, agent } of slots) {
    if (agent.state !== 'ready') continue;
    if (!agent.run.isFoundStarting) readyMs.push(agent.readyAt - agent.run.startedAt);
    const now = latest?.agents.get(number);
    if (now?.pid !== agent.run.pid) continue;
    if (now.rssBytes !== null) rssBytes.push(now.rssBytes);
    const before = first?.agents.get(number);
    if (elapsedMs < CPU_MS_MIN || before?.pid !== now.pid || before.cpuMs === null || now.cpuMs === null)
      continue;
    cpu.push((now.cpuMs - before.cpuMs) / elapsedMs);
  }
  return { agents: slots.length, readyMs: median(readyMs), rssBytes: median(rssBytes), cpu: mean(cpu) };
}

/**
 * Compares the new release with the old one.
 * @returns why the new one is worse; null if it is not, or nothing could be compared
 */
export function judgeCohorts(cohort: Cohort, before: Cohort, old: string): string | null {
  const { readyMs, rssBytes, cpu } = cohort;
  if (isWorse(readyMs, before.readyMs, READY_LIMIT.factor, READY_LIMIT.moreMs)) {
    return `agents take ${formatMs(readyMs!)} to become ready, those of ${old} ${formatMs(before.readyMs!)} (median)`;
  }
  if (isWorse(rssBytes, before.rssBytes, RSS_LIMIT.factor, RSS_LIMIT.moreBytes)) {
    return `agents use ${formatSize(rssBytes!)} of memory, those of ${old} ${formatSize(before.rssBytes!)} (median RSS)`;
  }
  if (isWorse(cpu, before.cpu, CPU_LIMIT.factor, CPU_LIMIT.more)) {
    return `agents use ${cpu!.toFixed(2)} of a processor, those of ${old} ${before.cpu!.toFixed(2)} (mean)`;
  }
  return null;
}

/** Describes a cohort: `in 110 ms (was 105 ms), memory 10.2M (was 10.1M), cpu 0.01 (was 0.01)`; empty if nothing is known. */
export function describeCohorts(cohort: Cohort, before: Cohort): string {
  const compare = (value: number | null, other: number | null, format: (value: number) => string): string =>
    value === null ? '' : `${format(value)}${other === null ? '' : ` (was ${format(other)})`}`;
  const ready = compare(cohort.readyMs, before.readyMs, formatMs);
  const rss = compare(cohort.rssBytes, before.rssBytes, formatSize);
  const cpu = compare(cohort.cpu, before.cpu, (share) => share.toFixed(2));
  return [ready && `in ${ready}`, rss && `memory ${rss}`, cpu && `cpu ${cpu}`].filter(Boolean).join(', ');
}

function isWorse(value: number | null, before: number | null, factor: number, more: number): boolean {
  return value !== null && before !== null && value > factor * before && value > before + more;
}

/** `110 ms`, `2.7 s`. */
function formatMs(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

/** The median, the higher of the middle two; null if there are no values. */
function median(values: readonly number[]): number | null {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? null;
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}
