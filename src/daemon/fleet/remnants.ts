import { remnantsFound, remnantsGone } from '../../fleet/transitions.ts';
import type { FleetContext } from './context.ts';

/** Ends the processes in a slot without an agent; the slot may be used again once nothing of them is left. */
export function clearRemnants(context: FleetContext, slot: number): void {
  const { fleet, services } = context;
  const { host } = services;
  remnantsFound(fleet, slot, host.now());
  host.processes.clear(context.key(slot), () => {
    remnantsGone(fleet, slot, host.now());
    context.wake();
  });
}
