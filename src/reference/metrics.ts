import { Registry } from 'prom-client';
import { instruments } from '../daemon/report/instruments.ts';
import { code, table } from './markdown.ts';

const INTRODUCTION = `# Metrics

What \`fleetctl metrics\` prints and serves to Prometheus. There is no series for each agent unless \`--each\` asks for it:
10,000 of them are more than most such servers should keep. This page is made from the metrics themselves by
\`bin/generate\`; correct it there.
`;

/** What prom-client knows of a metric, beside what its types tell. */
interface Registered {
  name: string;
  help: string;
  type: string;
  labelNames: readonly string[];
}

/** Gives the text of docs/reference/metrics.md. */
export function metricsPage(): string {
  const registry = new Registry();
  instruments(registry);
  const rows = (registry.getMetricsAsArray() as unknown as Registered[]).map(
    ({ name, type, labelNames, help }) => [code(name), type, labelNames.map(code).join(', '), `${help}.`],
  );
  return [INTRODUCTION, table(['metric', 'type', 'labels', 'meaning'], rows)].join('\n');
}
