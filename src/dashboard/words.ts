import type { Cell, Pulse, RolloutUpdate } from '../api/dashboard.ts';
import { CELL_STATES } from '../api/dashboard.ts';
import type { LeakStatus } from '../api/leak.ts';
import type { BatchVerdict } from '../fleet/rollout/record.ts';
import { formatCount, formatElapsed, formatSize } from '../specification/units.ts';
import type { FleetModel } from './model.ts';

/** Bytes for people; an en dash where nobody knows. */
export function size(bytes: number | null): string {
  return bytes === null ? '–' : formatSize(bytes);
}

/** A time of day: 17:04:05. */
export function timeOfDay(ms: number): string {
  return new Date(ms).toLocaleTimeString('en-GB');
}

/** A cell in a line: for the tip, and for those who hear it. */
export function cellWords({ releases }: FleetModel, [slot, state, release, rssKib, restarts]: Cell): string {
  const parts = [`Slot ${slot}`, CELL_STATES[state]!];
  if (release >= 0) parts.push(`release ${releases[release] ?? '?'}`);
  if (rssKib >= 0) parts.push(formatSize(rssKib * 1024));
  if (restarts > 0) parts.push(restarts === 1 ? '1 restart' : `${formatCount(restarts)} restarts`);
  return parts.join(', ');
}

/** What an operator is to know at once, the worst first. */
export function remarks({ target, ready, held, pressure, verify }: Pulse, leak: LeakStatus | null): string[] {
  return [
    ...(held ? [`Held: ${held.reason}${held.sample ? ` (an agent said: ${held.sample})` : ''}`] : []),
    ...(pressure ? [`Nothing starts: ${pressure.reason}`] : []),
    ...(verify?.degraded ? [verify.reason ?? 'Somebody else counts too few agents.'] : []),
    ...(leak && leak.verdict !== 'none' ? [leak.words] : []),
    ...(ready > target ? [`${formatCount(ready - target)} more than wanted are still to stop.`] : []),
  ];
}

/** The round under way, in a line; the legend has the rest. */
export function roundWords({ round, waiting }: Pulse): string {
  if (round.open === 0 && waiting === 0) return 'No round is open.';
  return `Round: ${formatCount(round.open)} of at most ${formatCount(round.limit)}`;
}

/** How a rollout stands, in a line. */
export function rolloutWords(rollout: RolloutUpdate): string {
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
    parts.push(`${batchesLeft} batches left, ${formatElapsed(leftMs)}`);
  if (reason) parts.push(reason);
  return parts.join(' · ');
}

/** What was found of a batch, in a line. */
export function verdictWords({ batch, isCanary, agents, failed, reason, tookMs }: BatchVerdict): string {
  const name = isCanary ? 'Canary' : `Batch ${batch}`;
  return `${name}: ${formatCount(agents)} agents, ${formatCount(failed)} failed, ${formatElapsed(tookMs)}. ${reason}`;
}
