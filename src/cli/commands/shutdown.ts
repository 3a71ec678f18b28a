import { setTimeout as sleep } from 'node:timers/promises';
import type { StatusDocument } from '../../api/status.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import type { Client } from '../client.ts';
import { isAway } from '../client.ts';
import type { Context } from '../context.ts';
import { formatCount } from '../format.ts';
import { printJson, printMessage } from '../output.ts';

const POLL_MS = 100;
const REPORT_MS = 5000;
/** The maximum time that a supervisor without agents to stop may take. */
const ALONE_MS_MAX = 60_000;
/** The maximum time from the closed socket to the end of the process. */
const EXIT_MS_MAX = 5_000;
const EXIT_POLL_MS = 10;

/** fleetctl shutdown: stops the supervisor and waits until its process has ended. */
export async function run({ client, json, options }: Context): Promise<number> {
  const { supervisor, fleets } = await client.call('status');
  // No agent survives PID 1, so it stops them first.
  const withAgents = options.withAgents === true || supervisor.pid === 1;
  await client.call('shutdown', {}, { withAgents });
  await untilGone(client, supervisor.pid, withAgents);
  const agents = fleets.reduce((sum, fleet) => sum + fleet.running, 0);
  if (json) printJson({ pid: supervisor.pid, withAgents });
  else printMessage(`The supervisor (pid ${supervisor.pid}) has stopped${fateOf(agents, withAgents)}.`);
  return 0;
}

function fateOf(agents: number, withAgents: boolean): string {
  if (agents === 0) return '';
  const those = agents === 1 ? '1 agent' : `${formatCount(agents)} agents`;
  return withAgents ? ` with its ${those}` : `; ${those} ${agents === 1 ? 'keeps' : 'keep'} running`;
}

/** Waits for the end of the supervisor. Stopping agents may take as long as their grace and pace require. */
async function untilGone(client: Client, pid: number, withAgents: boolean): Promise<void> {
  const startedAt = performance.now();
  let reportedAt = startedAt;
  for (;;) {
    const status = await statusUnlessAway(client);
    if (!status) return untilEnded(pid);
    if (status.supervisor.pid !== pid) return;
    const now = performance.now();
    if (!withAgents && now - startedAt > ALONE_MS_MAX) {
      throw new FleetError(
        'INTERNAL',
        `the supervisor (pid ${pid}) still answers after ${ALONE_MS_MAX / 1000} s`,
      );
    }
    if (now - reportedAt >= REPORT_MS) {
      reportedAt = now;
      printMessage(
        `stopping: ${formatCount(status.fleets.reduce((sum, fleet) => sum + fleet.running, 0))} agents left`,
      );
    }
    await sleep(POLL_MS);
  }
}

/** Waits for the process, which ends shortly after its socket closes; a zombie counts as ended. */
async function untilEnded(pid: number): Promise<void> {
  const { hasEnded, readStat } = await import('../../host/proc/stat.ts');
  const isAlive = () => !hasEnded(readStat(pid));
  for (let waitedMs = 0; waitedMs < EXIT_MS_MAX && isAlive(); waitedMs += EXIT_POLL_MS) {
    await sleep(EXIT_POLL_MS);
  }
}

async function statusUnlessAway(client: Client): Promise<StatusDocument | null> {
  try {
    return await client.call('status');
  } catch (error) {
    if (isAway(error)) return null;
    throw error;
  }
}
