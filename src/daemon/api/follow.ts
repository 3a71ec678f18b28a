import type { ReloadDocument } from '../../api/reload.ts';
import type { RolloutDocument } from '../../api/rollout.ts';
import type { ErrorLine, WatchLine } from '../../api/watch.ts';
import { ERRORS, type ErrorCode } from '../../errors/table.ts';
import type { Goal } from '../../fleet/goal.ts';
import { judgeGoal } from '../../fleet/goal.ts';
import { parseSlots } from '../../specification/slots.ts';
import { Output } from '../fleet/output.ts';
import type { FleetRunner } from '../fleet/runner.ts';
import { reloadDocument } from '../report/reload.ts';
import type { Report } from '../report/report.ts';
import { rolloutDocument } from '../report/rollout.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';

/** The minimum interval between two progress lines, and the maximum one while nothing changes. */
const PROGRESS_MS = { min: 200, max: 5_000 } as const;

/**
 * Reports the progress of a goal until it is reached, or can no longer be.
 * @param gone aborts when the client has disconnected
 */
export async function* watchGoal(
  supervisor: Supervisor,
  report: Report,
  runner: FleetRunner,
  goal: Goal,
  gone: AbortSignal,
): AsyncGenerator<WatchLine> {
  const slots = 'slots' in goal && goal.slots !== '' ? parseSlots(goal.slots) : [];
  let sent = '';
  let sentAt = Number.NEGATIVE_INFINITY;
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
    if (end || text !== sent || performance.now() - sentAt > PROGRESS_MS.max) {
      yield line;
      [sent, sentAt] = [text, performance.now()];
    }
    if (end) {
      yield {
        kind: 'end',
        ...end,
        ...errorOf(runner, end.exitCode),
        ...sampleOf(runner, goal, end),
        ...rollout,
        ...reloadOf(runner, goal),
      };
      return;
    }
    await nextTurn(supervisor, PROGRESS_MS.min, PROGRESS_MS.max, gone);
  }
}

/** The rollout that a goal concerns. */
function rolloutOf(supervisor: Supervisor, runner: FleetRunner, goal: Goal): { rollout?: RolloutDocument } {
  if (goal.kind !== 'rollout') return {};
  const rollout = rolloutDocument(runner, supervisor.host.now());
  return rollout?.id === goal.id ? { rollout } : {};
}

/** The reload that a goal concerns. */
function reloadOf({ fleet }: FleetRunner, goal: Goal): { reload?: ReloadDocument } {
  const { reload } = fleet.record;
  return goal.kind === 'reloaded' && reload?.id === goal.id ? { reload: reloadDocument(reload) } : {};
}

/** The error behind a failed goal, for --json. */
function errorOf({ fleet }: FleetRunner, exitCode: number): { error?: ErrorLine } {
  const error = (code: ErrorCode, hint: string) => ({ error: { code: `FLEET_${code}`, hint } });
  if (exitCode === ERRORS.LIMIT_REACHED.exitCode) {
    return error(
      'LIMIT_REACHED',
      'Raise the limit that the message names; the fleet then continues by itself.',
    );
  }
  if (exitCode !== ERRORS.HELD.exitCode) return {};
  if (fleet.hold) return error('HELD', 'Correct the spec and spawn again, or run fleetctl resume.');
  const isRolledBack = fleet.rolling.record?.state === 'rolled-back';
  return isRolledBack ? error('ROLLED_BACK', ERRORS.ROLLED_BACK.hint) : {};
}

/** The output of an agent that failed, if that is why a goal is not reached. A rollout has a sample of its own. */
function sampleOf(runner: FleetRunner, goal: Goal, { exitCode }: { exitCode: number }): { sample?: string } {
  const { hold, slots, record } = runner.fleet;
  if (goal.kind === 'reloaded') return record.reload?.sample ? { sample: record.reload.sample } : {};
  if (exitCode !== ERRORS.HELD.exitCode || goal.kind === 'rollout') return {};
  const failed = [...slots.values()].find(
    ({ wanted, agent, failures }) => wanted && (agent.state === 'failed' || failures > 0),
  );
  const sample = hold ? hold.sample : failed && runner.watch(Output).sample(failed.number);
  return sample ? { sample } : {};
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
