import { isUnderWay } from '../api/condition.ts';
import type { FleetStatus } from '../api/fleets.ts';
import { formatSize } from '../specification/units.ts';
import { formatCount } from './format.ts';
import { oneLine } from './plain.ts';

/** What somebody must know of a fleet beyond its numbers: a line each, the worst first. */
export function reasonsOf({ held, pressure, verify, leak, rollout }: FleetStatus): string[] {
  return [
    ...(held ? [`held: ${held.reason}`] : []),
    ...(pressure ? [`starts no agents: ${pressure.reason}`] : []),
    ...(verify?.reason ? [verify.reason] : []),
    ...(leak.verdict === 'none'
      ? []
      : [`${leak.verdict}, ${formatSize(Math.round(leak.bytesPerHour))} per hour`]),
    ...(rollout && isUnderWay(rollout)
      ? [
          `rollout of ${rollout.to} ${rollout.state}, ${formatCount(rollout.updated)} of ${formatCount(rollout.total)} updated, ${formatCount(rollout.failed)} failed`,
        ]
      : []),
  ].map(oneLine);
}
