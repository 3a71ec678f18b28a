import type { Gauges } from '../../api/dashboard.ts';
import type { Instruments } from '../report/instruments.ts';

/** Counts of a fleet since the supervisor's start. */
export type Tallies = Pick<Gauges, 'exits' | 'readySeconds'>;

/** Reads from the metrics how the agents of a fleet ended, and how long they took to become ready. */
export async function readTallies(
  { exits, ready }: Pick<Instruments['counters'], 'exits' | 'ready'>,
  fleet: string,
): Promise<Tallies> {
  const ended = (await exits.get()).values.filter(({ labels }) => labels.fleet === fleet);
  const buckets = (await ready.get()).values.filter(
    ({ labels, metricName }) => labels.fleet === fleet && metricName?.endsWith('_bucket'),
  );
  return {
    exits: ended
      .map(({ labels, value }) => ({ cause: String(labels.cause), count: value }))
      .sort((a, b) => b.count - a.count),
    // Prometheus' buckets are cumulative; a chart needs each on its own.
    readySeconds: buckets.map(({ labels, value }, index) => ({
      atMost: upperBound(labels),
      count: value - (buckets[index - 1]?.value ?? 0),
    })),
  };
}

/** `le` is a label that prom-client adds to a bucket and omits in its types. */
function upperBound(labels: object): number | null {
  const { le } = labels as { le: number | '+Inf' };
  return le === '+Inf' ? null : le;
}
