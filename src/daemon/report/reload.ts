import type { FleetStatus } from '../../api/fleets.ts';
import type { ReloadDocument } from '../../api/reload.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import { isUnderWay, leftOf, progressOf, type ReloadRecord, slotsIn } from '../../fleet/reload/record.ts';

/** The progress of a reload that is under way. */
export function reloadStatus({ record: { reload } }: Fleet): FleetStatus['reload'] {
  return isUnderWay(reload) ? progressOf(reload) : null;
}

/** A reload, by slot. */
export function reloadDocument(record: ReloadRecord): ReloadDocument {
  const { reloaded, skipped, failed } = record;
  return { reloaded: slotsIn(reloaded), skipped: slotsIn(skipped), failed, left: leftOf(record) };
}
