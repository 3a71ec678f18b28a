import { API } from '../../api/protocol.ts';
import type { WatchdogAnswer, WatchdogReport } from '../../api/watchdog.ts';
import { ERRORS } from '../../errors.ts';
import { isAbsent, isAway, withQuery } from '../client.ts';
import type { Context } from '../context.ts';
import { documentOf, print, printJson } from '../output.ts';
import { oneLine } from '../plain.ts';

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
  let startedPid: number | null = null;
  try {
    const answer = await ask(context).catch(async (error: unknown) => {
      if (!isAbsent(error)) throw error;
      startedPid = await start(context);
      return ask(context);
    });
    // Of two watchdogs at once both start one; the one that came second has ended again.
    const started = answer.supervisor.pid === startedPid;
    const said = started ? `the supervisor was down and is started, pid ${startedPid}; ` : '';
    const line = `${answer.verdict}: ${said}${answer.summary}`;
    return { ...answer, line, supervisor: { ...answer.supervisor, started } };
  } catch (error) {
    if (!(error instanceof NotStarted) && !isAway(error)) throw error;
    const document = documentOf(error instanceof NotStarted ? error.cause : error);
    return { verdict: 'down', line: `down: ${document.message} ${document.hint}`, error: document };
  }
}

function ask({ client, fleet }: Context): Promise<WatchdogAnswer> {
  return client.request<WatchdogAnswer>('GET', withQuery(API.watchdog, { fleet }));
}

/** Whatever the reason that it could not be started, there is no supervisor. */
class NotStarted extends Error {}

async function start({ directories }: Context): Promise<number> {
  // Loaded only here: it brings in the FFI.
  const { startSupervisor } = await import('../../host/autostart.ts');
  const started = startSupervisor(directories).catch((cause: unknown) => {
    throw new NotStarted('', { cause });
  });
  return (await started).pid;
}
