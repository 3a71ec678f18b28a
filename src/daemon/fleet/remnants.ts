import { remnantsFound, remnantsGone } from '../../fleet/transitions.ts';
import type { FleetContext } from './context.ts';

/** Ends what lives in a slot that has no agent; the slot may be used again once nothing of it is left. */
export function clearRemnants(context: FleetContext, slot: number): void {
  const { fleet, services } = context;
  const { host } = services;
  remnantsFound(fleet, slot, host.now());
  host.processes.clear(context.key(slot), () => {
    remnantsGone(fleet, slot, host.now());
    context.wake();
  });
}
