import type { Signalled, SignalRequest } from '../../api/reload.ts';
import { slotsToSignal } from '../../fleet/decide/signal.ts';
import type { FleetRunner } from '../fleet/runner.ts';

/** Sends a signal to agents, each held by a pidfd. @throws FleetError SLOT_UNKNOWN */
export function signalAgents(runner: FleetRunner, request: SignalRequest): Signalled {
  const { signal, allProcesses = false } = request;
  const { fleet, name, services } = runner;
  const { processes } = services.host;
  const answer: Signalled = { fleet: name, signal, slots: [], sent: 0, missed: [], failed: [] };
  for (const slot of slotsToSignal(fleet, request.slots)) {
    const key = runner.key(slot);
    try {
      const { sent, refusal } = allProcesses
        ? processes.signalAll(key, signal)
        : { sent: Number(processes.signal(key, signal)), refusal: null };
      answer.sent += sent;
      if (sent > 0) answer.slots.push(slot);
      if (refusal !== null) answer.failed.push({ slot, reason: refusal });
      else if (sent === 0) answer.missed.push(slot);
    } catch (error) {
      answer.failed.push({ slot, reason: (error as Error).message });
    }
  }
  const to = allProcesses ? `${answer.sent} processes` : 'the main process';
  if (answer.slots.length > 0) {
    services.journal.note('signal', name, `${signal} to ${to}, by fleetctl signal`, answer.slots);
    services.observer.signalled(name, signal, answer.sent);
  }
  return answer;
}
