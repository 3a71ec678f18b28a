import type { RolloutDocument } from '../../api/rollout.ts';
import type { WatchLine } from '../../api/watch.ts';
import type { Goal } from '../../fleet/goal.ts';
import { judgeGoal } from '../../fleet/goal.ts';
import { parseSlots } from '../../specification/slots.ts';
import type { FleetRunner } from '../fleet/runner.ts';
import type { Report } from '../report/report.ts';
import { rolloutDocument } from '../report/rollout.ts';
import type { Supervisor } from '../supervisor.ts';

/** A watcher hears of changes at most so often, and of standstill at least so often. */
const PROGRESS_MS = { min: 200, max: 5_000 } as const;

/**
 * Tells how a goal gets on, until it is reached or has become pointless.
 * @param gone aborts where nobody listens any more
 */
export async function* watchGoal(
  supervisor: Supervisor,
  report: Report,
  runner: FleetRunner,
  goal: Goal,
  gone: AbortSignal,
): AsyncGenerator<WatchLine> {
  const slots = 'slots' in goal && goal.slots !== '' ? parseSlots(goal.slots) : [];
  let told = '';
  let toldAt = Number.NEGATIVE_INFINITY;
  while (!gone.aborted) {
    if (supervisor.fleets.get(runner.name) !== runner) {
      yield {
        kind: 'end',
        exitCode: goal.kind === 'gone' ? 0 : 1,
        message: `fleet ${runner.name} was removed`,
      };
      return;
    }
    const { done, of, end } = judgeGoal(runner.fleet, goal, slots);
    const rollout = rolloutOf(supervisor, runner, goal);
    const line: WatchLine = { kind: 'progress', done, of, counts: report.counts(runner), ...rollout };
    const { state, batch, verdicts } = rollout.rollout ?? {};
    const text = JSON.stringify([done, of, runner.fleet.counts, state, batch?.number, verdicts?.length]);
    if (end || text !== told || performance.now() - toldAt > PROGRESS_MS.max) {
      yield line;
      [told, toldAt] = [text, performance.now()];
    }
    if (end) {
      yield { kind: 'end', ...end, ...errorOf(runner, end.exitCode), ...rollout };
      return;
    }
    await nextTurn(supervisor, PROGRESS_MS.min, PROGRESS_MS.max, gone);
  }
}

/** What a watcher of a rollout is told of it. */
function rolloutOf(supervisor: Supervisor, runner: FleetRunner, goal: Goal): { rollout?: RolloutDocument } {
  if (goal.kind !== 'rollout') return {};
  const rollout = rolloutDocument(runner, supervisor.host.now());
  return rollout?.id === goal.id ? { rollout } : {};
}

/** The error that a bad end is about, for --json. */
function errorOf({ fleet }: FleetRunner, exitCode: number): Pick<WatchLine & { kind: 'end' }, 'error'> {
  if (exitCode === 5)
    return {
      error: {
        code: 'FLEET_LIMIT_REACHED',
        hint: 'Raise the limit that is named; the fleet goes on by itself then.',
      },
    };
  if (exitCode === 4 && fleet.hold)
    return { error: { code: 'FLEET_HELD', hint: 'Correct the spec and spawn again, or fleetctl resume.' } };
  if (exitCode === 4 && fleet.rolling.record?.state === 'rolled-back')
    return {
      error: {
        code: 'FLEET_ROLLED_BACK',
        hint: 'fleetctl rollout status has every verdict, fleetctl events what led to it.',
      },
    };
  return {};
}

/** Waits for a turn of the loop after `minMs`, but no longer than `maxMs`. */
function nextTurn(supervisor: Supervisor, minMs: number, maxMs: number, gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let rested = false;
    let turned = false;
    const finish = () => {
      unfollow();
      clearTimeout(rest);
      clearTimeout(limit);
      gone.removeEventListener('abort', finish);
      resolve();
    };
    const unfollow = supervisor.loop.follow(() => {
      turned = true;
      if (rested) finish();
    });
    const rest = setTimeout(() => {
      rested = true;
      if (turned) finish();
    }, minMs);
    const limit = setTimeout(finish, maxMs);
    gone.addEventListener('abort', finish);
  });
}
