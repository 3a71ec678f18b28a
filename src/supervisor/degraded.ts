import { type WatchedFleet, whyMissing } from './watchdog.ts';

/** Whether a fleet is degraded, and since when its numbers say otherwise (milliseconds since boot; null: they agree). */
export interface Degraded {
  isDegraded: boolean;
  otherwiseSince: number | null;
}

/**
 * Judges whether a fleet has fewer ready agents than its target for longer than starts take. It is degraded at once if an
 * agent is in a crash loop or has failed for good; and if at every look within `patienceMs` some agent was missing that
 * was not just coming up. So one that crashes and returns raises nothing, nor does a fleet that starts or is updated. It
 * no longer is once all agents are ready, or if for as long nothing was missing but what is coming up.
 * @param patienceMs the time of a start that fails and of the next one
 * @param now milliseconds since boot
 */
export function judgeDegraded(
  before: Degraded,
  fleet: WatchedFleet,
  patienceMs: number,
  now: number,
): Degraded {
  const isSaidOtherwise = before.isDegraded ? missing(fleet) === 0 : missing(fleet) > 0;
  if (!isSaidOtherwise) return { isDegraded: before.isDegraded, otherwiseSince: null };
  const isCertain = before.isDegraded ? fleet.ready >= fleet.target : fleet.looping + fleet.failed > 0;
  const since = before.otherwiseSince ?? now;
  if (isCertain || now - since >= patienceMs) return { isDegraded: !before.isDegraded, otherwiseSince: null };
  return { isDegraded: before.isDegraded, otherwiseSince: since };
}

/** The wanted agents that are neither ready nor coming up. Nothing comes up where starts are held or blocked. */
function missing({ unready, failing, looping, failed, coming, held, blocked }: WatchedFleet): number {
  return unready + failing + looping + failed + (held === null && blocked === null ? 0 : coming);
}

/** The numbers in words: `2 of 3 ready (1 in a crash loop)`. */
export function describeReady(fleet: WatchedFleet): string {
  const { ready, target, coming } = fleet;
  const why = [...whyMissing(fleet), ...(coming > 0 ? [`${coming} coming up`] : [])];
  return `${ready} of ${target} ready${why.length > 0 ? ` (${why.join(', ')})` : ''}`;
}
