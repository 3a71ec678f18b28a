import type { RollbackRequest } from '../../api/rollout.ts';
import type { Context } from '../context.ts';
import { errorStream } from '../output.ts';
import { rolloutProgress } from '../rollout-view.ts';
import { forEachFleet } from '../several.ts';
import { follow } from '../watch.ts';

/** fleetctl rollback: returns every agent to an earlier release, and waits until that is done. */
export async function run(context: Context): Promise<number> {
  const { client, json } = context;
  const { to } = context.options;
  const body: RollbackRequest = { ...(to !== undefined && { to }) };
  return forEachFleet(context, (fleet) =>
    follow(
      context,
      () => client.call('rollBack', { fleet }, body),
      () => rolloutProgress(errorStream(), json),
    ),
  );
}
