import { age, LOWS, type Lows, savage } from './lows.ts';
import { Z_95 } from './slope.ts';

/** The maximum number of agents in use: enough for a rate within a few percent, few enough for a pass. */
const AGENTS_MAX = 2_500;
/** The maximum rate; the agents' own slopes show a higher one better. */
const RATE_MAX = 512;
/** The maximum number of steps towards a root. */
const STEPS_MAX = 8;
/** The minimum number of lows of an agent in use. */
const LOWS_MIN = 3;

/** How fast something grows. */
export interface Rate {
  kibPerTick: number;
  low: number;
  high: number;
}

/**
 * The common growth rate of agents: the rate that, when subtracted from their lows, leaves random ranks (the
 * Hodges–Lehmann estimate of a rank test: Hodges and Lehmann 1963, Annals of Mathematical Statistics 34). Its 95 %
 * interval holds the rates that the test does not reject. Lows above the range that every tick can show are left out;
 * otherwise the limit up to which lows are kept would hide half of the growth.
 *
 * @param slots the slots of the agents
 * @param ticks the number of ticks since they began to rise
 * @returns null if they do not rise, or rise too fast for their lows to show it; then their own slopes do
 */
export function commonRate(lows: Lows, slots: ArrayLike<number>, ticks: number, tick: number): Rate | null {
  const stride = Math.max(1, Math.ceil(slots.length / AGENTS_MAX));
  const agents = Array.from({ length: Math.ceil(slots.length / stride) }, (_, i) =>
    lows.read(slots[i * stride]!),
  );
  const z = (rate: number) => left(agents, rate, ticks, tick);
  const rate = root(z);
  if (rate === null) return null;
  const perRate = (z(rate * 0.5) - z(rate * 1.5)) / rate;
  const reach = Z_95 / perRate;
  return perRate > 0 ? { kibPerTick: rate, low: rate - reach, high: rate + reach } : null;
}

/** The root above 0 of a falling function of the rate, by false position with the Illinois rule. */
function root(z: (rate: number) => number): number | null {
  let low = 0;
  let atLow = z(0);
  if (atLow <= 0) return null;
  let high = 0.125;
  let atHigh = z(high);
  for (; atHigh > 0; atHigh = z(high)) {
    low = high;
    atLow = atHigh;
    high *= 2;
    if (high > RATE_MAX) return null;
  }
  for (let step = 0, side = 0; step < STEPS_MAX; step++) {
    const rate = low + ((high - low) * atLow) / (atLow - atHigh);
    const at = z(rate);
    if (Math.abs(at) < 0.05) return rate;
    if (at > 0) {
      low = rate;
      atLow = at;
      if (side === 1) atHigh /= 2;
      side = 1;
    } else {
      high = rate;
      atHigh = at;
      if (side === -1) atLow /= 2;
      side = -1;
    }
  }
  return low + ((high - low) * atLow) / (atLow - atHigh);
}

const level = new Float64Array(LOWS);
const risen = new Float64Array(LOWS);

/** How much the ranks still rise when a rate is subtracted, in standard deviations. */
function left(agents: ReturnType<Lows['read']>[], rate: number, ticks: number, tick: number): number {
  let sum = 0;
  let variance = 0;
  for (const agent of agents) {
    const n = subtractRate(agent, rate, ticks, tick);
    if (n < LOWS_MIN) continue;
    let mean = 0;
    for (let i = 0; i < n; i++) mean += risen[i]! / n;
    let scores = 0;
    let spread = 0;
    for (let rank = 0; rank < n; rank++) {
      const score = savage(rank, n);
      sum += score * (risen[rank]! - mean);
      scores += score * score;
      spread += (risen[rank]! - mean) ** 2;
    }
    // The permutation variance of a linear rank statistic: Hájek and Šidák 1967, II.3.1.
    variance += (scores * spread) / (n - 1);
  }
  return variance > 0 ? sum / Math.sqrt(variance) : 0;
}

/** Puts an agent's lows minus the rate into `level`, and their time of rising into `risen`, lowest first; returns how many. */
function subtractRate(
  { kib, ticks: at, limitKib }: ReturnType<Lows['read']>,
  rate: number,
  ticks: number,
  tick: number,
): number {
  const limit = limitKib - rate * ticks;
  let n = 0;
  for (let i = 0; i < kib.length; i++) {
    const since = Math.max(0, ticks - age(tick, at[i]!));
    const here = kib[i]! - rate * since;
    if (here > limit) continue;
    let j = n++;
    for (; j > 0 && level[j - 1]! > here; j--) {
      level[j] = level[j - 1]!;
      risen[j] = risen[j - 1]!;
    }
    level[j] = here;
    risen[j] = since;
  }
  return n;
}
