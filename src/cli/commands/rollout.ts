import type { RolloutDocument, RolloutRequest } from '../../api/rollout.ts';
import type { Context } from '../context.ts';
import { chooseFleet, chosenFleets } from '../fleet.ts';
import { errorStream, print, printJson, printMessage } from '../output.ts';
import { describeRollout, rolloutProgress } from '../rollout-view.ts';
import { forEachFleet } from '../several.ts';
import { paintFor } from '../style.ts';
import { type Done, follow } from '../watch.ts';

/** fleetctl rollout: shows a rollout, pauses it, resumes it, or aborts it and rolls back. */
export async function run(context: Context): Promise<number> {
  const action = context.args[0] as RolloutRequest['action'] | 'status';
  if (action === 'status') return status(context);
  return forEachFleet(context, (fleet) => act(context, fleet, action));
}

async function act(context: Context, fleet: string, action: RolloutRequest['action']): Promise<Done> {
  const submit = () => context.client.call('actOnRollout', { fleet }, { action });
  if (action === 'abort') return follow(context, submit, () => rolloutProgress(errorStream(), context.json));
  await submit();
  if (!context.json)
    printMessage(
      action === 'pause' ? 'Paused: the current batch is completed, no other begins.' : 'Resumed.',
    );
  return { exitCode: 0, document: context.json ? await documentOf(context, fleet) : null };
}

async function status(context: Context): Promise<number> {
  const names = await chosenFleets(context);
  const fleets: { fleet: string; rollout: RolloutDocument | null }[] = [];
  for (const fleet of names ?? [await chooseFleet(context)]) {
    fleets.push({ fleet, rollout: await documentOf(context, fleet) });
  }
  if (context.json) printJson(names === null ? fleets[0]!.rollout : { fleets });
  else for (const { fleet, rollout } of fleets) show(fleet, rollout);
  return 0;
}

function show(fleet: string, rollout: RolloutDocument | null): void {
  if (rollout === null) printMessage(`${fleet} has had no rollout yet. fleetctl rolling-update begins one.`);
  else print(describeRollout(rollout, paintFor(process.stdout), process.stdout.columns));
}

function documentOf({ client }: Context, fleet: string): Promise<RolloutDocument | null> {
  return client.call('rollout', { fleet });
}
