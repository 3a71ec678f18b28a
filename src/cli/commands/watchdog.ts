import type { WatchdogAnswer, WatchdogReport } from '../../api/watchdog.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import { ERRORS } from '../../errors/table.ts';
import { pathsIn } from '../../specification/paths.ts';
import { isAbsent, isAway } from '../client.ts';
import type { Context } from '../context.ts';
import { documentOf, print, printJson } from '../output.ts';
import { oneLine } from '../plain.ts';

/**
 * Far longer than a working supervisor takes to answer, even on a busy host. Exceeding it alone does not end a
 * supervisor: removeStuck looks at its heartbeat.
 */
const ANSWER_MS_MAX = 10_000;

/** fleetctl watchdog: checks everything once, for cron; the verdict is one line and the exit code. */
export async function run(context: Context): Promise<number> {
  const report = await check(context);
  if (context.json) printJson(report);
  else print(oneLine(report.line));
  return EXIT_CODES[report.verdict];
}

const EXIT_CODES: Record<WatchdogReport['verdict'], number> = {
  ok: 0,
  maintenance: 0,
  degraded: 4,
  down: ERRORS.SUPERVISOR_AWAY.exitCode,
};

async function check(context: Context): Promise<WatchdogReport> {
  try {
    const result = await ask(context).catch((error: unknown) => replace(context, error));
    const { answer, startedPid, cause } =
      'answer' in result ? result : { answer: result, startedPid: null, cause: '' };
    // Two watchdogs at once may both start a supervisor; the second one has already exited.
    const started = answer.supervisor.pid === startedPid;
    const line = `${answer.verdict}: ${started ? `${cause}, pid ${startedPid}; ` : ''}${answer.summary}`;
    return { ...answer, line, supervisor: { ...answer.supervisor, started } };
  } catch (error) {
    if (!(error instanceof NotStarted) && !isAway(error)) throw error;
    const document = documentOf(error instanceof NotStarted ? error.cause : error);
    return { verdict: 'down', line: `down: ${document.message}. ${document.hint}`, error: document };
  }
}

function ask({ client, fleet }: Context): Promise<WatchdogAnswer> {
  return client.call('watchdog', { fleet }, undefined, { answerMsMax: ANSWER_MS_MAX });
}

/** A supervisor that was started because none ran, or because the one that ran was stuck. */
interface Replacement {
  answer: WatchdogAnswer;
  startedPid: number;
  /** Why it was started, for the line of the report. */
  cause: string;
}

/** Starts a supervisor if none answers, after ending one that is stuck. @throws if none answers afterwards */
async function replace(context: Context, error: unknown): Promise<Replacement> {
  if (!isAway(error)) throw error;
  const { stateDir, runtimeDir } = context.directories;
  // Loaded only here, because it loads the FFI.
  const { removeStuck } = await import('../../host/state/stuck.ts');
  const removal = await removeStuck(pathsIn(stateDir, runtimeDir));
  // A supervisor that is starting has no socket yet. Another one started next to it waits for its answer, and exits.
  const mayStart =
    removal.is === 'absent' || removal.is === 'ended' || (removal.is === 'left' && isAbsent(error));
  if (!mayStart) throw stillRunning(error, removal.why);
  const startedPid = await start(context).catch((cause: unknown) => {
    throw new NotStarted('', { cause: removal.is === 'left' ? stillRunning(cause, removal.why) : cause });
  });
  const cause =
    removal.is === 'ended'
      ? `the supervisor was stuck (${removal.why}) and has been replaced`
      : 'the supervisor was down and has been started';
  return { answer: await ask(context), startedPid, cause };
}

function stillRunning(error: unknown, why: string): FleetError {
  const { message } = documentOf(error);
  return new FleetError('SUPERVISOR_AWAY', `${message}: ${why}`, {
    hint: 'The watchdog ends it after 60 s without a sign of life (5 min while it recovers); see fleetd.log.',
    cause: error,
  });
}

/** No supervisor could be started; the cause says why. */
class NotStarted extends Error {}

async function start({ directories }: Context): Promise<number> {
  const { startSupervisor } = await import('../../host/autostart/autostart.ts');
  return (await startSupervisor(directories)).pid;
}
