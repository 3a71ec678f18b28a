import { remnantsFound } from '../../fleet/endings.ts';
import type { FleetContext } from './context.ts';

/** Ends the processes in a slot without an agent; the slot may be used again once nothing of them is left. */
export function clearRemnants(context: FleetContext, slot: number): void {
  const { fleet, services } = context;
  remnantsFound(fleet, slot, services.host.now());
  services.host.processes.watchRemnants(context.key(slot));
}
