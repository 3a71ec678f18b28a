/** A robust straight line through points. */
export interface Slope {
  perTick: number;
  /** The 95 % confidence interval. */
  low: number;
  high: number;
}

/** Half of a 95 % interval of a normal distribution, in standard deviations. */
export const Z_95 = 1.96;

const slopes = new Float64Array(1_024);

/**
 * The Theil–Sen slope: the median of the slopes of all pairs, which up to 29 % of outliers cannot move. Its interval
 * comes from Kendall's S (Sen 1968, Journal of the American Statistical Association 63), ties as in Gilbert 1987,
 * Statistical Methods for Environmental Pollution Monitoring, 16.4.
 *
 * @param ticks the time of each point, ascending
 * @param values the points, at least 2 and at most 45
 */
export function theilSen(ticks: ArrayLike<number>, values: ArrayLike<number>): Slope {
  const n = values.length;
  let pairs = 0;
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) slopes[pairs++] = (values[j]! - values[i]!) / (ticks[j]! - ticks[i]!);
  }
  const sorted = slopes.subarray(0, pairs).sort();
  const reach = (Z_95 * Math.sqrt(kendallVariance(values))) / 2;
  const at = (rank: number) => sorted[Math.min(pairs - 1, Math.max(0, Math.round(rank)))]!;
  return {
    perTick: (sorted[(pairs - 1) >> 1]! + sorted[pairs >> 1]!) / 2,
    low: at(pairs / 2 - reach - 1),
    high: at(pairs / 2 + reach),
  };
}

/** How certainly values rise: Kendall's S divided by its standard deviation, corrected for continuity; 0 if all are equal. */
export function kendallZ(values: ArrayLike<number>): number {
  let s = 0;
  for (let i = 0; i < values.length; i++) {
    for (let j = i + 1; j < values.length; j++) s += Math.sign(values[j]! - values[i]!);
  }
  return s === 0 ? 0 : (s - Math.sign(s)) / Math.sqrt(kendallVariance(values));
}

/** The variance of Kendall's S for points in random order: n(n−1)(2n+5)/18, minus the same term for each tie. */
function kendallVariance(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort();
  const term = (n: number) => (n * (n - 1) * (2 * n + 5)) / 18;
  let variance = term(sorted.length);
  let ties = 1;
  for (let i = 1; i <= sorted.length; i++) {
    if (sorted[i] === sorted[i - 1]) ties++;
    else {
      variance -= term(ties);
      ties = 1;
    }
  }
  return variance;
}

/** The median of numbers, which it sorts in place; 0 if there are none. */
export function median(values: Float64Array): number {
  const n = values.length;
  if (n === 0) return 0;
  values.sort();
  return (values[(n - 1) >> 1]! + values[n >> 1]!) / 2;
}
