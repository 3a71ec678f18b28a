import { formatCount, formatSize } from '../specification/units.ts';
import type { CapacityPlan, MemoryPlan, Overcommit } from './plan.ts';
import type { CostPlan } from './plan-cost.ts';
import { wrap } from './wrap.ts';

/** The width of the figures in the arithmetic. */
const FIGURE_WIDTH = 10;

/** A plan as text: the answer first, then the arithmetic line by line. */
export function describePlan(plan: CapacityPlan, cost: CostPlan | null, width = 80): string {
  const { agents, binding, wanted, memory, overcommit, limits } = plan;
  const verdict =
    wanted === null
      ? ''
      : wanted <= agents
        ? ` ${formatCount(wanted)} fit.`
        : ` ${formatCount(wanted)} do not fit.`;
  return [
    ...wrap(`${formatCount(agents)} agents fit this host; ${binding} binds first.${verdict}`, 0, width),
    '',
    'Memory',
    ...memoryLines(memory),
    ...overcommitLines(overcommit, width),
    '',
    'Other limits, lowest first',
    ...limits.flatMap(({ limit, agents: max, have }) => [
      `  ${formatCount(max).padStart(FIGURE_WIDTH)}  ${limit}${typeof have === 'number' ? ` = ${have}` : ''}`,
    ]),
    ...(cost ? ['', 'Cost', ...costLines(cost, width)] : []),
  ].join('\n');
}

function memoryLines(memory: MemoryPlan): string[] {
  const { totalBytes, headroomBytes, elsewhereBytes, usableBytes, eachBytes, basis, agents } = memory;
  return [
    sum(' ', formatSize(totalBytes), 'total'),
    sum('−', formatSize(headroomBytes), 'headroom for caches and bursts'),
    sum('−', formatSize(elsewhereBytes), 'used by everything else now'),
    sum('=', formatSize(usableBytes), 'for agents'),
    sum('/', formatSize(eachBytes), `per agent (${basis})`),
    sum('=', formatCount(agents), 'agents'),
  ];
}

function overcommitLines(overcommit: Overcommit | null, width: number): string[] {
  if (overcommit === null) return [];
  const { agents, requestBytes, requestShare, limitBytes, limitShare } = overcommit;
  const part = (name: string, bytes: number | null, share: number | null) =>
    bytes === null || share === null
      ? []
      : wrap(
          `${formatCount(agents)} × ${name} ${formatSize(bytes)} = ${formatSize(agents * bytes)}, ${Math.round(100 * share)} % of the memory${share > 1 ? ': overcommitted' : ''}`,
          2,
          width,
        );
  return [
    '',
    'Requests and limits',
    ...part('request', requestBytes, requestShare),
    ...part('limit', limitBytes, limitShare),
  ];
}

function costLines(
  { amount, period, agents, perAgent, vmBytes, perAgentInVm }: CostPlan,
  width: number,
): string[] {
  const fleet =
    perAgent === null
      ? 'in the fleet: no agent fits'
      : `in the fleet: ${amount} / ${formatCount(agents)} agents = ${money(perAgent)} per agent and ${period}`;
  const alone = `alone in a VM of ${formatSize(vmBytes)}, at this host's price of memory: ${money(perAgentInVm)} per ${period}`;
  const ratio = perAgent === null || perAgent === 0 ? [] : [describeRatio(perAgentInVm / perAgent)];
  return [...wrap(fleet, 2, width), ...wrap([alone, ...ratio].join(', '), 2, width)];
}

/** Up to this share of its cost, one is about as much as the other: the price of memory is an estimate. */
const ABOUT_AS_MUCH = 0.05;
const RATIO_MAX = 1_000_000;

/** How much a cost is of another one, in words. @param ratio above 0 */
export function describeRatio(ratio: number): string {
  if (Math.abs(ratio - 1) <= ABOUT_AS_MUCH) return 'about as much';
  if (ratio < 0.01) return 'less than 1 % of that';
  if (ratio < 1) return `${Math.round(100 * ratio)} % of that`;
  if (ratio > RATIO_MAX) return `more than ${formatCount(RATIO_MAX)} times as much`;
  return ratio < 10 ? `${ratio.toFixed(1)} times as much` : `${formatCount(Math.round(ratio))} times as much`;
}

/** Amounts below 1 have three digits that say something, however small they are. */
const SMALL = new Intl.NumberFormat('en', { maximumSignificantDigits: 3, useGrouping: false });

/** An amount with a useful number of digits: 140, 2.19, 0.014. */
function money(amount: number): string {
  if (amount < 1) return SMALL.format(amount);
  return amount.toFixed(amount >= 100 ? 0 : 2);
}

function sum(sign: string, figure: string, label: string): string {
  return `${sign} ${figure.padStart(FIGURE_WIDTH)}  ${label}`;
}
