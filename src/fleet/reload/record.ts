import { formatSlots, parseSlots } from '../../specification/slots.ts';
import type { BootMs } from '../agent.ts';
import type { AgentFailure } from '../rollout/record.ts';

/** What survives of a reload. Slots are written as ranges; a slot that is in no list but `slots` is left. */
export interface ReloadRecord {
  /** Grows with every reload of the fleet. */
  id: number;
  state: 'running' | 'done' | 'failed';
  /** When it was requested: an agent that was started later has read its configuration since. */
  at: BootMs;
  /** Since when the fleet was held at that time; null if it was not. */
  heldSince: string | null;
  /** The slots that it is for. */
  slots: string;
  reloaded: string;
  /** Those that had no agent to reload, or one that needed it no more. */
  skipped: string;
  failed: AgentFailure[];
  /** Why it ended although no agent had failed; null if it did not. */
  reason: string | null;
  /** The last output of an agent that failed. */
  sample: string | null;
}

/** What has become of one slot of a reload. */
export type Outcome =
  | { is: 'reloaded' }
  | { is: 'skipped'; reason: string }
  | { is: 'failed'; reason: string };

/** Whether batches are still to come, or under way. */
export function isUnderWay(record: ReloadRecord | undefined): record is ReloadRecord & { state: 'running' } {
  return record?.state === 'running';
}

/** Slots written as ranges; none for an empty text. */
export function slotsIn(written: string): number[] {
  return written === '' ? [] : parseSlots(written);
}

/** The slots that were not touched, ascending. */
export function leftOf({ slots, reloaded, skipped, failed }: ReloadRecord): number[] {
  const over = new Set([...slotsIn(reloaded), ...slotsIn(skipped), ...failed.map(({ slot }) => slot)]);
  return slotsIn(slots).filter((slot) => !over.has(slot));
}

/** How many agents were reloaded, of how many that can be. */
export function progressOf({ slots, reloaded, skipped }: ReloadRecord): { done: number; of: number } {
  return { done: slotsIn(reloaded).length, of: slotsIn(slots).length - slotsIn(skipped).length };
}

/** The record once a batch has these outcomes: a failure ends the reload, and so does the last slot. */
export function withOutcomes(record: ReloadRecord, outcomes: ReadonlyMap<number, Outcome>): ReloadRecord {
  const all = [...outcomes].map(([slot, outcome]) => ({ slot, ...outcome }));
  const those = (is: Outcome['is']) => all.filter((outcome) => outcome.is === is).map(({ slot }) => slot);
  const next = {
    ...record,
    reloaded: formatSlots([...slotsIn(record.reloaded), ...those('reloaded')]),
    skipped: formatSlots([...slotsIn(record.skipped), ...those('skipped')]),
    failed: all.flatMap((each) => (each.is === 'failed' ? [{ slot: each.slot, reason: each.reason }] : [])),
  };
  if (next.failed.length > 0) return { ...next, state: 'failed' };
  return leftOf(next).length > 0 ? next : { ...next, state: 'done' };
}

/** The record in words: `15 reloaded, 1 failed (slot 17: …), 84 not touched`. */
export function describeReload(record: ReloadRecord): string {
  const { failed, reason } = record;
  const [first] = failed;
  const left = leftOf(record).length;
  const skipped = slotsIn(record.skipped).length;
  return [
    `${slotsIn(record.reloaded).length} reloaded`,
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
    ...(first ? [`${failed.length} failed (slot ${first.slot}: ${first.reason})`] : []),
    ...(left > 0 ? [`${left} not touched${reason === null ? '' : `: ${reason}`}`] : []),
  ].join(', ');
}
