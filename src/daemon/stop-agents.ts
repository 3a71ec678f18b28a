import type { Supervisor } from './supervisor/supervisor.ts';

/**
 * Stops every agent at the fleets' pace; the targets stay, so that the next supervisor starts them again.
 * @param hurry ends the waiting: a signal of somebody who does not want to wait
 * @returns that signal; null if all agents have stopped
 */
export function stopAgents(
  supervisor: Supervisor,
  hurry: Promise<NodeJS.Signals>,
): Promise<NodeJS.Signals | null> {
  return Promise.race([stopAll(supervisor).then(() => null), hurry]);
}

function stopAll(supervisor: Supervisor): Promise<void> {
  const fleets = [...supervisor.fleets.values()];
  for (const runner of fleets) {
    runner.fleet.setStopAll('shutdown', supervisor.host.now());
    supervisor.wake(runner);
  }
  const isDone = () =>
    fleets.every(({ fleet }) => fleet.running + fleet.counts.clearing + fleet.counts.preparing === 0);
  if (isDone()) return Promise.resolve();
  return new Promise((resolve) => {
    const unfollow = supervisor.loop.follow(() => {
      if (!isDone()) return;
      unfollow();
      resolve();
    });
  });
}
