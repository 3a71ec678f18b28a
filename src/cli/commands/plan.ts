import { planCapacity } from '../../doctor/plan.ts';
import { type Cost, parseCost, planCost } from '../../doctor/plan-cost.ts';
import { describePlan } from '../../doctor/plan-text.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import { describeHost, type HostDescription } from '../../host/facts/describe.ts';
import type { Context } from '../context.ts';
import { print, printJson } from '../output.ts';
import { oneLine } from '../plain.ts';
import { settleSubject } from '../subject.ts';

/** fleetctl plan: shows how many agents fit this host, and why. It changes nothing. */
export async function run(context: Context): Promise<number> {
  const given = costOf(context.options.cost);
  const { demand, facts } = await settleSubject(context, { isCountNeeded: false });
  const plan = planCapacity(demand, facts);
  const cost = given && planCost(given, plan);
  const host = await describeHost();
  if (context.json) printJson({ ...plan, cost, host });
  else print(`${headline(host)}\n${describePlan(plan, cost)}`);
  return 0;
}

function headline({
  system,
  kernel,
  machine,
  virtualization,
  processor,
  processors,
  cores,
}: HostDescription): string {
  const threads = cores < processors ? ` on ${cores} cores` : '';
  const where = [machine, virtualization && `virtual: ${virtualization}`].filter(Boolean).join(', ');
  const host = oneLine(`${system}, Linux ${kernel}, ${processors} × ${processor}${threads}`);
  return where === '' ? host : `${host}\n${oneLine(where)}`;
}

function costOf(text: string | undefined): Cost | null {
  if (text === undefined) return null;
  const cost = parseCost(text);
  if (cost) return cost;
  throw FleetError.of(
    'USAGE.value',
    { what: '--cost', expected: 'a sum per period such as 140/month', found: text },
    { hint: 'The period is hour, day, week, month or year; any currency will do.' },
  );
}
