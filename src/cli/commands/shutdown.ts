import { setTimeout as sleep } from 'node:timers/promises';
import type { StatusDocument } from '../../api/status.ts';
import { FleetError } from '../../errors.ts';
import type { Client } from '../client.ts';
import { isAway } from '../client.ts';
import type { Context } from '../context.ts';
import { formatCount } from '../format.ts';
import { printJson, say } from '../output.ts';

const POLL_MS = 100;
const TELL_MS = 5000;
/** Without agents to stop a supervisor has little to do before it ends. */
const ALONE_MS_MAX = 60_000;
/** From the closed socket to the end of the process. */
const LAST_MS_MAX = 5_000;
const LAST_POLL_MS = 10;

/** fleetctl shutdown: stops the supervisor and waits until it is gone. */
export async function run({ client, json, options }: Context): Promise<number> {
  const withAgents = options.withAgents === true;
  const { supervisor, fleets } = await client.call('status');
  await client.call('shutdown', {}, { withAgents });
  await untilGone(client, supervisor.pid, withAgents);
  const agents = fleets.reduce((sum, fleet) => sum + fleet.running, 0);
  if (json) printJson({ pid: supervisor.pid, withAgents });
  else say(`The supervisor (pid ${supervisor.pid}) is stopped${fateOf(agents, withAgents)}.`);
  return 0;
}

function fateOf(agents: number, withAgents: boolean): string {
  if (agents === 0) return '';
  const those = agents === 1 ? '1 agent' : `${formatCount(agents)} agents`;
  return withAgents ? `, and its ${those} with it` : `; ${those} ${agents === 1 ? 'runs' : 'run'} on`;
}

/** Stopping agents takes as long as their grace and pace ask for; the supervisor alone has a limit. */
async function untilGone(client: Client, pid: number, withAgents: boolean): Promise<void> {
  const startedAt = performance.now();
  let toldAt = startedAt;
  for (;;) {
    const status = await statusUnlessAway(client);
    if (!status) return untilEnded(pid);
    if (status.supervisor.pid !== pid) return;
    const now = performance.now();
    if (!withAgents && now - startedAt > ALONE_MS_MAX) {
      throw new FleetError(
        'INTERNAL',
        `The supervisor (pid ${pid}) still answers after ${ALONE_MS_MAX / 1000} s.`,
      );
    }
    if (now - toldAt >= TELL_MS) {
      toldAt = now;
      say(
        `stopping: ${formatCount(status.fleets.reduce((sum, fleet) => sum + fleet.running, 0))} agents left`,
      );
    }
    await sleep(POLL_MS);
  }
}

/** The socket closes a moment before the process ends; a zombie has ended, whenever its parent may notice. */
async function untilEnded(pid: number): Promise<void> {
  const { hasEnded, readStat } = await import('../../host/proc/stat.ts');
  const isAlive = () => !hasEnded(readStat(pid));
  for (let waited = 0; waited < LAST_MS_MAX && isAlive(); waited += LAST_POLL_MS) await sleep(LAST_POLL_MS);
}

async function statusUnlessAway(client: Client): Promise<StatusDocument | null> {
  try {
    return await client.call('status');
  } catch (error) {
    if (isAway(error)) return null;
    throw error;
  }
}
