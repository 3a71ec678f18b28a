import type { ProcessId } from '../../fleet/agent.ts';
import type { Executable } from '../../fleet/strays/fingerprint.ts';
import type { ReadsOthers, Suspected } from '../../host/host.ts';

/** A process's words arrive within microseconds, unless the process prevents it. */
const ANSWER_MS_MAX = 1_000;

/** A process, and what it executes. */
export interface StrayCandidate {
  process: ProcessId;
  executable: Executable;
}

/**
 * Reads what processes are judged by. They may belong to anybody, and one can block whoever reads its memory for ever;
 * such processes are left out, and counted.
 * @param ownStateDir as isSupervised() takes it
 * @returns the data of each, null for those that are gone, inaccessible or silent; and the number of silent ones
 */
export async function interrogate(
  reader: ReadsOthers,
  candidates: readonly StrayCandidate[],
  ownStateDir: string | null,
): Promise<{ suspects: (Suspected | null)[]; unanswered: number }> {
  const asks = candidates.map(({ process, executable }) => {
    return { do: 'suspect', ...process, executable, ownStateDir } as const;
  });
  const answers = await reader.askAll(asks, ANSWER_MS_MAX);
  return {
    suspects: answers.map((answer) => (answer.ok ? answer.value : null)),
    unanswered: answers.filter((answer) => !answer.ok && answer.error.code === 'TOO_SLOW').length,
  };
}
