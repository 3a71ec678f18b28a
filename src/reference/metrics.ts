import { Registry } from 'prom-client';
import { instruments } from '../daemon/report/instruments.ts';
import { code, table } from './markdown.ts';

const INTRODUCTION = `# Metrics

\`fleetctl metrics\` prints these and serves them to Prometheus. There is a series per agent only with \`--each\`, because
10,000 of them are more than most Prometheus servers should store. \`bin/generate\` makes this page from the metrics
themselves; edit those instead.
`;

/** What prom-client knows about a metric, in addition to its published types. */
interface Registered {
  name: string;
  help: string;
  type: string;
  labelNames: readonly string[];
}

/** Returns the text of docs/reference/metrics.md. */
export function metricsPage(): string {
  const registry = new Registry();
  instruments(registry);
  const rows = (registry.getMetricsAsArray() as unknown as Registered[]).map(
    ({ name, type, labelNames, help }) => [code(name), type, labelNames.map(code).join(', '), `${help}.`],
  );
  return [INTRODUCTION, table(['metric', 'type', 'labels', 'meaning'], rows)].join('\n');
}
