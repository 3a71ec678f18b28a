import type { WatchdogAnswer, WatchdogReport } from '../../api/watchdog.ts';
import { ERRORS, FleetError } from '../../errors.ts';
import { pathsIn } from '../../specification/paths.ts';
import { isAbsent, isAway } from '../client.ts';
import type { Context } from '../context.ts';
import { documentOf, print, printJson } from '../output.ts';
import { oneLine } from '../plain.ts';

/** The loop of a supervisor at work turns many times in this time, on a busy host too; nobody is ended for this alone. */
const ANSWER_MS_MAX = 10_000;

/** fleetctl watchdog: one pass for cron; the verdict is one line, and the exit code. */
export async function run(context: Context): Promise<number> {
  const report = await look(context);
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

async function look(context: Context): Promise<WatchdogReport> {
  try {
    const found = await ask(context).catch((error: unknown) => replace(context, error));
    const { answer, startedPid, said } =
      'answer' in found ? found : { answer: found, startedPid: null, said: '' };
    // Of two watchdogs at once both start one; the one that came second has ended again.
    const started = answer.supervisor.pid === startedPid;
    const line = `${answer.verdict}: ${started ? `${said}, pid ${startedPid}; ` : ''}${answer.summary}`;
    return { ...answer, line, supervisor: { ...answer.supervisor, started } };
  } catch (error) {
    if (!(error instanceof NotStarted) && !isAway(error)) throw error;
    const document = documentOf(error instanceof NotStarted ? error.cause : error);
    return { verdict: 'down', line: `down: ${document.message} ${document.hint}`, error: document };
  }
}

function ask({ client, fleet }: Context): Promise<WatchdogAnswer> {
  return client.call('watchdog', { fleet }, undefined, { answerMsMax: ANSWER_MS_MAX });
}

/** A supervisor that was started because there was none, or none that could answer. */
interface Replacement {
  answer: WatchdogAnswer;
  startedPid: number;
  /** Why it was started. */
  said: string;
}

/** Starts a supervisor where none answers, and ends the one that is stuck first. @throws where none answers then */
async function replace(context: Context, error: unknown): Promise<Replacement> {
  if (!isAway(error)) throw error;
  const { stateDir, runtimeDir } = context.directories;
  // Loaded only here: it brings in the FFI.
  const { removeStuck } = await import('../../host/state/stuck.ts');
  const removal = await removeStuck(pathsIn(stateDir, runtimeDir));
  // One that begins has no socket yet: whoever is started beside it waits for its answer, and ends.
  const mayStart =
    removal.is === 'absent' || removal.is === 'ended' || (removal.is === 'left' && isAbsent(error));
  if (!mayStart) throw stillThere(error, removal.why);
  const startedPid = await start(context).catch((cause: unknown) => {
    throw new NotStarted('', { cause: removal.is === 'left' ? stillThere(cause, removal.why) : cause });
  });
  const said =
    removal.is === 'ended'
      ? `the supervisor was stuck (${removal.why}), and another one is started`
      : 'the supervisor was down and is started';
  return { answer: await ask(context), startedPid, said };
}

function stillThere(error: unknown, why: string): FleetError {
  const { message } = documentOf(error);
  return new FleetError('SUPERVISOR_AWAY', `${message} ${why}.`, {
    hint: 'It is ended once it has given no sign of life for 60 s (5 min while it recovers); see fleetd.log.',
    cause: error,
  });
}

/** Whatever the reason that it could not be started, there is no supervisor. */
class NotStarted extends Error {}

async function start({ directories }: Context): Promise<number> {
  const { startSupervisor } = await import('../../host/autostart/autostart.ts');
  return (await startSupervisor(directories)).pid;
}
