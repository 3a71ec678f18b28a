import type { BootMs, Slot } from './agent.ts';
import { deadlineOf } from './deadlines.ts';
import type { Fleet } from './fleet.ts';
import { nextRolloutDue, observeRollout } from './rollout/view.ts';

/** Lets time pass: slots whose backoff or deadline is over change their state. */
export function expire(fleet: Fleet, now: BootMs): void {
  const { adaptive, probePace, timers } = fleet;
  adaptive?.settle(fleet.rounds.size, now);
  probePace.expire(fleet.hold !== null, fleet.spec.restart.storm?.withinMs ?? 0, now);
  observeRollout(fleet, now);
  for (;;) {
    const slot = fleet.slots.get(timers.top ?? -1);
    const deadline = slot ? deadlineOf(slot, fleet.spec) : null;
    // A timer whose slot has changed since is dropped as soon as it comes up, so that it wakes up nothing.
    const isStale = deadline !== timers.next;
    if (timers.top === undefined || (!isStale && deadline > now)) return;
    timers.pop();
    if (!isStale) expireSlot(fleet, slot!, now);
  }
}

function expireSlot(fleet: Fleet, slot: Slot, now: BootMs): void {
  const { agent } = slot;
  if (agent.state === 'backoff') fleet.become(slot, { state: 'pending', reason: agent.reason }, now);
  else fleet.requeue(slot, now);
}

/**
 * When time alone makes something due next; null if nothing will. What is already due does not count: the plan has seen
 * it, and waits for something other than time.
 */
export function nextDue(fleet: Fleet, now: BootMs): BootMs | null {
  const { queues, hold, blocked } = fleet;
  const times = [fleet.timers.next, nextRolloutDue(fleet, now) ?? Number.POSITIVE_INFINITY];
  const isWaiting = queues.inRound.size + queues.pending.size + queues.toReplace.size > 0;
  if (isWaiting && !fleet.stopAll && !fleet.pressure) {
    if (blocked) times.push(blocked.retryAt);
    if (!hold) times.push(fleet.adaptive?.opensAt ?? fleet.rounds.opensAt(now) ?? now);
    if (hold?.by === 'storm') times.push(hold.probeAt);
    times.push(fleet.starts.opensAt(fleet.spec.rounds.perMinute, now) ?? now);
  }
  const next = Math.min(...times.filter((time) => time > now));
  return next === Number.POSITIVE_INFINITY ? null : next;
}
