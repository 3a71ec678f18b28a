import { FleetError } from '../../errors/fleet-error.ts';
import { startFailed } from '../../fleet/endings.ts';
import { describeStartError } from '../../fleet/start-failure.ts';
import { startBlocked } from '../../fleet/transitions.ts';
import type { Host } from '../../host/host.ts';
import type { FleetContext } from './context.ts';

/** Handles a failed start or prepare: the fault is the host's, or the slot's own. */
export function failStart(context: FleetContext, slot: number, error: Error): void {
  const { fleet, name, services } = context;
  const { host, journal } = services;
  const found = hostLimitBehind(host, error, services.paths.stateDir);
  if (found) {
    const message = `cannot start slot ${slot}: ${found.limit}`;
    if (fleet.blocked?.message !== message) journal.note('limit', name, `${message}. ${found.hint}`, [slot]);
    startBlocked(fleet, slot, message, host.now());
    return;
  }
  const reason = describeStartError(error, fleet.spec.command[0]!);
  startFailed(fleet, slot, reason, host.date().toISOString(), host.now());
  journal.slot('start-failed', name, slot, reason);
  context.noteRun(slot);
}

/** The limit of the host that a start has reached, by its errno or as the store has named it; null for other failures. */
function hostLimitBehind(host: Host, error: Error, path: string): { limit: string; hint: string } | null {
  if (error instanceof FleetError) {
    return error.code === 'LIMIT_REACHED' ? { limit: error.message, hint: error.hint } : null;
  }
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const found = host.facts.describeLimit(code, path);
  return found && { ...found, limit: `${code}; ${found.limit}` };
}
