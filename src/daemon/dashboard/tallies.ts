import type { Gauges } from '../../api/dashboard.ts';
import type { Instruments } from '../report/instruments.ts';

/** What was counted of a fleet since the supervisor's start. */
export type Tallies = Pick<Gauges, 'exits' | 'readySeconds'>;

/** Reads from the counters of the metrics how the agents of a fleet ended, and how long they took to get ready. */
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
    // Prometheus' buckets hold all that is below them too; a chart wants each for itself.
    readySeconds: buckets.map(({ labels, value }, index) => ({
      atMost: upperBound(labels),
      count: value - (buckets[index - 1]?.value ?? 0),
    })),
  };
}

/** `le` is a label that prom-client adds to a bucket, and its types leave out. */
function upperBound(labels: object): number | null {
  const { le } = labels as { le: number | '+Inf' };
  return le === '+Inf' ? null : le;
}
