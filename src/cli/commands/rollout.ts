import type { Accepted } from '../../api/accepted.ts';
import type { RolloutDocument, RolloutRequest } from '../../api/rollout.ts';
import type { Context } from '../context.ts';
import { chooseFleet } from '../fleet.ts';
import { errorStream, print, printJson, printMessage } from '../output.ts';
import { describeRollout, rolloutProgress } from '../rollout-view.ts';
import { paintFor } from '../style.ts';
import { follow } from '../watch.ts';

/** fleetctl rollout: shows a rollout, pauses it, resumes it, or aborts it and rolls back. */
export async function run(context: Context): Promise<number> {
  const action = context.args[0] as RolloutRequest['action'] | 'status';
  if (action === 'status') return status(context);
  if (action === 'abort') {
    return follow(
      context,
      () => act(context, action),
      () => rolloutProgress(errorStream(), context.json),
    );
  }
  const { fleet } = await act(context, action);
  if (context.json) printJson(await documentOf(context, fleet));
  else
    printMessage(
      action === 'pause' ? 'Paused: the current batch is completed, no other begins.' : 'Resumed.',
    );
  return 0;
}

async function act({ client, ...context }: Context, action: RolloutRequest['action']): Promise<Accepted> {
  const fleet = await chooseFleet({ client, ...context });
  return client.call('actOnRollout', { fleet }, { action });
}

async function status(context: Context): Promise<number> {
  const fleet = await chooseFleet(context);
  const document = await documentOf(context, fleet);
  if (context.json) printJson(document);
  else if (document === null)
    printMessage(`${fleet} has had no rollout yet. fleetctl rolling-update begins one.`);
  else print(describeRollout(document, paintFor(process.stdout), process.stdout.columns));
  return 0;
}

function documentOf({ client }: Context, fleet: string): Promise<RolloutDocument | null> {
  return client.call('rollout', { fleet });
}
