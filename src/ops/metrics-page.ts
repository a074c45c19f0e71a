/** The page of docs/ that names every metric: made of the table, so that it says what is there. */
import { METRICS, PREFIX } from './metric-table.ts';
import type { MetricEntry } from './metric-table.ts';

const HEAD = `# Metrics

\`/metrics\` on the port of \`http.port\` (9464) answers in Prometheus's text format. \`npm run docs:metrics\` makes this page of src/ops/metric-table.ts.

Labels are bounded: \`feed\` is \`<recipient>/<source>/<share>.<schema>.<table>\`, \`source\` and codes are as the config and [the log](operations.md) name them; no label holds a version, a file or a URL. What
another replica has is told there: sums over replicas are right, and the series of a feed end here when it moves. Beside these are the usual \`process_*\` and \`nodejs_*\` metrics.

The rules of [helm/files/rules.yaml](../helm/files/rules.yaml) and the dashboard [helm/files/dashboard.json](../helm/files/dashboard.json) are made of them; what to do when one fires is told in [operations](operations.md).

| metric | type | labels | what it says |
|---|---|---|---|
`;

export function metricsPage(): string {
  const rows: readonly string[] = Object.entries<MetricEntry>(METRICS).map(([name, { type, labels, help, buckets }]) => {
    const bounds = buckets === undefined ? '' : ` Buckets: ${buckets.join(', ')}.`;
    return `| \`${PREFIX}${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help}${bounds} |\n`;
  });
  return `${HEAD}${rows.join('')}`;
}
