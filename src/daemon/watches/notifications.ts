import { runOf } from '../../fleet/agent.ts';
import { graceExtended } from '../../fleet/endings.ts';
import { parseNotification } from '../../fleet/notification.ts';
import { agentStopping, startExtended } from '../../fleet/transitions.ts';
import type { FleetContext, FleetWatch } from '../fleet/context.ts';
import { Succession } from './succession.ts';

/** Acts on what agents say through NOTIFY_SOCKET, besides READY=1 and WATCHDOG=1, which are checks. */
export class Notifications implements FleetWatch {
  readonly #context: FleetContext;

  constructor(context: FleetContext) {
    this.#context = context;
  }

  notified(slot: number, text: string, sender: number): void {
    const { fleet, name, services } = this.#context;
    const { mainPid, extendMs, stopping } = parseNotification(text);
    const now = services.host.now();
    if (mainPid !== null) this.#context.watch(Succession).named(slot, mainPid, sender);
    if (extendMs !== null) {
      startExtended(fleet, slot, extendMs, now);
      graceExtended(fleet, slot, extendMs, now);
    }
    const before = fleet.slot(slot).agent;
    if (stopping && runOf(before) !== null && before.state !== 'stopping') {
      agentStopping(fleet, slot, now);
      services.journal.slot('stop', name, slot, 'it has said STOPPING=1');
    }
    if (stopping || extendMs !== null) this.#context.wake();
  }
}
