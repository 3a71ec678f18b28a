import { FleetError } from '../../../src/errors/fleet-error.ts';
import { FLEET } from '../arena.ts';
import type { Fault } from '../fault.ts';
import { tellOf } from '../told.ts';

/** A reload of all agents, under way while the rest goes wrong. No agent is replaced by it. */
export const reloaded: Fault = {
  name: 'CLI: a reload of all agents',
  inject: async (arena) => {
    await arena.revive();
    const { client } = arena.world;
    const refusal = await client.call('reload', { fleet: FLEET }, {}).then(
      () => null,
      (error: Error) => error,
    );
    if (refusal !== null && !(refusal instanceof FleetError)) throw refusal;
    return { slots: [], isTold: (events) => refusal !== null || tellOf(events, 'reload', /./) };
  },
};
