import pLimit from 'p-limit';
import type { Stray, StrayResult, StraysAnswer, StraysDocument, StraysRequest } from '../../api/strays.ts';
import type { ProcessId } from '../../fleet/agent.ts';
import { formatSlots } from '../../specification/slots.ts';
import type { FleetRunner } from '../fleet/runner.ts';
import { endProcess, KILL_MS_MAX } from '../strays/end.ts';
import { type FoundStray, findStrays, stillStrays } from '../strays/find.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { adoptStrays } from './adopt.ts';

/** The strays of one fleet or of all (null). */
export async function listStrays(supervisor: Supervisor, fleet: string | null): Promise<StraysDocument> {
  const { found, unanswered } = await findStrays(supervisor, fleet);
  return { strays: found.map(shown), unanswered };
}

/**
 * Adopts or kills a fleet's strays, all or some. The search is repeated, because a process that a user saw a moment ago
 * may have ended since.
 * @throws FleetError if adoption is refused; then nothing has changed
 */
export async function actOnStrays(
  supervisor: Supervisor,
  runner: FleetRunner,
  { action, pids }: StraysRequest,
): Promise<StraysAnswer> {
  const { found, unanswered } = await findStrays(supervisor, runner.name);
  const chosen = pids === undefined ? found : found.filter(({ pid }) => pids.includes(pid));
  const targetBefore = runner.fleet.target;
  const { results, notes } =
    action === 'adopt' ? await adoptStrays(supervisor, runner, chosen) : kill(supervisor, runner, chosen);
  const { graceMs, parallel } = runner.fleet.spec.stop;
  return {
    fleet: runner.name,
    target: runner.fleet.target,
    targetBefore,
    strays: chosen.map((stray, i) => ({ ...shown(stray), ...results[i]! })),
    notes: [...notes, ...unknownNote(pids, chosen), ...unansweredNote(unanswered)],
    withinMs: (graceMs + KILL_MS_MAX) * Math.ceil(chosen.length / parallel),
  };
}

function shown({ fingerprints: _fingerprints, forks: _forks, uids: _uids, ...stray }: FoundStray): Stray {
  return stray;
}

function unknownNote(pids: readonly number[] | undefined, chosen: readonly FoundStray[]): string[] {
  const unknown = pids?.filter((pid) => !chosen.some((stray) => stray.pid === pid)) ?? [];
  return unknown.length === 0 ? [] : [`not a stray of this fleet, left alone: pid ${unknown.join(', ')}`];
}

function unansweredNote(count: number): string[] {
  return count === 0 ? [] : [`${count} processes that could be strays did not answer and were left alone`];
}

/** Starts to end strays, `stop.parallel` at a time; the work continues after the answer. */
function kill(
  supervisor: Supervisor,
  runner: FleetRunner,
  strays: readonly FoundStray[],
): { results: StrayResult[]; notes: string[] } {
  const { name, fleet } = runner;
  const { signal, graceMs, parallel } = fleet.spec.stop;
  const limit = pLimit(parallel);
  const results = strays.map((stray): StrayResult => {
    if (!supervisor.host.processes.others.isStill(stray)) return { result: 'gone' };
    void limit(() => end(supervisor, stray, { signal, graceMs })).catch((error: Error) =>
      supervisor.journal.note('kill', name, `stray pid ${stray.pid} cannot be ended: ${error.message}`),
    );
    return { result: 'stopping' };
  });
  const begun = strays.filter((_, i) => results[i]!.result === 'stopping');
  if (begun.length > 0) {
    const pids = formatSlots(begun.map(({ pid }) => pid));
    supervisor.journal.note('stop', name, `${signal} to strays: pid ${pids}`);
  }
  return { results, notes: [] };
}

/** Ends a stray with everything that it forked, as for an agent. */
async function end(
  supervisor: Supervisor,
  stray: FoundStray,
  how: { signal: string; graceMs: number },
): Promise<void> {
  const { others } = supervisor.host.processes;
  const isMeant = (process: ProcessId) => async () =>
    (await stillStrays(supervisor, [process], stray.fingerprints)).length > 0;
  const ended = await endProcess(others, stray, isMeant(stray), how);
  if (ended === 'left') return;
  await Promise.all(
    stray.forks.map((fork) => endProcess(others, fork, isMeant(fork), { signal: 'SIGKILL', graceMs: 0 })),
  );
}
