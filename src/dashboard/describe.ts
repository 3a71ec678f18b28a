import type { Cell, Pulse, RolloutUpdate } from '../api/dashboard.ts';
import { CELL_STATES } from '../api/dashboard.ts';
import type { LeakStatus } from '../api/leak.ts';
import type { BatchVerdict } from '../fleet/rollout/record.ts';
import { formatCount, formatElapsed, formatSize } from '../specification/units.ts';
import type { FleetModel } from './model.ts';

/** Formats bytes; an en dash if unknown. */
export function size(bytes: number | null): string {
  return bytes === null ? '–' : formatSize(bytes);
}

/** A time of day: 17:04:05. */
export function timeOfDay(ms: number): string {
  return new Date(ms).toLocaleTimeString('en-GB');
}

/** A cell in one line, for the tip and for screen readers. */
export function describeCell(
  { releases }: FleetModel,
  [slot, state, release, rssKib, restarts]: Cell,
): string {
  const parts = [`Slot ${slot}`, CELL_STATES[state]!];
  if (release >= 0) parts.push(`release ${releases[release] ?? '?'}`);
  if (rssKib >= 0) parts.push(formatSize(rssKib * 1024));
  if (restarts > 0) parts.push(restarts === 1 ? '1 restart' : `${formatCount(restarts)} restarts`);
  return parts.join(', ');
}

/** What an operator must know at once, the worst first. */
export function remarks({ target, ready, held, pressure, verify }: Pulse, leak: LeakStatus | null): string[] {
  return [
    ...(held ? [`Held: ${held.reason}${held.sample ? ` (output of an agent: ${held.sample})` : ''}`] : []),
    ...(pressure ? [`No agents are started: ${pressure.reason}`] : []),
    ...(verify?.degraded ? [verify.reason ?? 'The external count of agents is too low.'] : []),
    ...(leak && leak.verdict !== 'none' ? [leak.words] : []),
    ...(ready > target
      ? [`${formatCount(ready - target)} more agents than the target are still to be stopped.`]
      : []),
  ];
}

/** The current round in one line. */
export function describeRound({ round, waiting }: Pulse): string {
  if (round.open === 0 && waiting === 0) return 'No round is open.';
  return `Round: ${formatCount(round.open)} of at most ${formatCount(round.limit)}`;
}

/** The state of a rollout in one line. */
export function describeRollout(rollout: RolloutUpdate): string {
  const { state, from, to, updated, total, failed, batch, batchesLeft, leftMs, reason } = rollout;
  const parts = [
    `${from} → ${to}: ${state}`,
    `${formatCount(updated)} of ${formatCount(total)} updated`,
    `${formatCount(failed)} failed`,
  ];
  if (batch)
    parts.push(
      `${batch.isCanary ? 'canary' : `batch ${batch.number}`} ${batch.ready} of ${batch.agents} ready`,
    );
  if (state === 'running' && batchesLeft > 0)
    parts.push(`${batchesLeft} ${batchesLeft === 1 ? 'batch' : 'batches'} left, ${formatElapsed(leftMs)}`);
  if (reason) parts.push(reason);
  return parts.join(' · ');
}

/** The verdict on a batch in one line. */
export function describeVerdict({ batch, isCanary, agents, failed, reason, tookMs }: BatchVerdict): string {
  const name = isCanary ? 'Canary' : `Batch ${batch}`;
  return `${name}: ${formatCount(agents)} agents, ${formatCount(failed)} failed, ${formatElapsed(tookMs)}. ${reason}`;
}
