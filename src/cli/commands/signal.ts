import type { Signalled, SignalRequest } from '../../api/reload.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import { signalName, signalNumber } from '../../specification/signals.ts';
import { formatSlots, parseSlots } from '../../specification/slots.ts';
import type { Context } from '../context.ts';
import { refuseForSeveral } from '../fleet.ts';
import { printMessage } from '../output.ts';
import { forEachFleet } from '../several.ts';
import type { Done } from '../watch.ts';

/** fleetctl signal: sends a signal to agents. */
export async function run(context: Context): Promise<number> {
  const { slots, allProcesses } = context.options;
  const body: SignalRequest = {
    signal: signalOf(context),
    ...(slots !== undefined && { slots: formatSlots(parseSlots(slots)) }),
    ...(allProcesses && { allProcesses }),
  };
  refuseForSeveral(context, { '--slots': slots });
  return forEachFleet(context, async (fleet) => {
    const answer = await context.client.call('signal', { fleet }, body);
    if (!context.json) for (const line of describe(answer)) printMessage(line);
    return done(answer);
  });
}

/** @throws FleetError USAGE */
function signalOf({ args: [written = ''] }: Context): string {
  const number = signalNumber(written);
  if (number !== null) return signalName(number);
  const expected = 'a signal such as HUP, SIGUSR1, SIGRTMIN+3 or 10';
  throw FleetError.of('USAGE.value', { what: 'SIGNAL', expected, found: written });
}

/** It is a success if any process got it, and the kernel refused none. */
function done(answer: Signalled): Done {
  const exitCode = answer.sent > 0 && answer.failed.length === 0 ? 0 : 1;
  return { exitCode, document: { ...answer, exitCode } };
}

function describe({ fleet, signal, slots, sent, missed, failed }: Signalled): string[] {
  const processes = `${sent} ${sent === 1 ? 'process' : 'processes'}`;
  return [
    `${fleet}: ${signal} sent to ${processes}${sent > 0 ? ` in slots ${formatSlots(slots)}` : ''}`,
    ...(missed.length > 0 ? [`No process in slots ${formatSlots(missed)}`] : []),
    ...failed.map(({ slot, reason }) => `Slot ${slot}: ${reason}`),
  ];
}
