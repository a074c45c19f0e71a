/**
 * The metrics of one process, made from the table. Histograms and what the process itself is measured by are prom-client's; counters and gauges, of which each feed has some
 * twenty, are lines that are kept ready (series.ts): prom-client takes a tenth of a second for those of a thousand feeds, in which nothing else is done.
 */
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import { METRICS, PREFIX } from './metric-table.ts';
import type { MetricName, Named } from './metric-table.ts';
import { Series } from './series.ts';

type LabelOf<N extends MetricName> = (typeof METRICS)[N]['labels'][number];

export class Metrics {
  readonly #registry = new Registry();
  readonly #series: Pick<Series<string>, 'text'>[] = [];
  /** Of those whose first label is `feed`. */
  readonly #ofFeeds: Pick<Series<string>, 'drop'>[] = [];

  /** Each name once. */
  counter<N extends Named<'counter'>>(name: N): Series<LabelOf<N>> {
    return this.#add<LabelOf<N>>(name, 'counter', METRICS[name].labels);
  }

  gauge<N extends Named<'gauge'>>(name: N): Series<LabelOf<N>> {
    return this.#add<LabelOf<N>>(name, 'gauge', METRICS[name].labels);
  }

  histogram<N extends Named<'histogram'>>(name: N): Histogram<LabelOf<N>> {
    const { labels, help, buckets } = METRICS[name];
    return new Histogram({
      name: `${PREFIX}${name}`,
      help,
      labelNames: [...labels],
      buckets: [...buckets],
      registers: [this.#registry],
    });
  }

  /** Memory, CPU, event loop and garbage collection of this process. */
  addProcessMetrics(): void {
    collectDefaultMetrics({ register: this.#registry });
    // They are gauges whose names end like a counter's, which Prometheus's own linter refuses.
    for (const kind of ['handles', 'requests', 'resources']) {
      this.#registry.removeSingleMetric(`nodejs_active_${kind}_total`);
      this.#registry.removeSingleMetric(`nodejs_active_${kind}`);
    }
  }

  /** No series of the feed stays. */
  dropFeed(feed: string): void {
    for (const series of this.#ofFeeds) series.drop(feed);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** In Prometheus's text format. */
  async text(): Promise<string> {
    const rest = await this.#registry.metrics();
    return `${this.#series.map((series) => series.text()).join('')}${rest}`;
  }

  clear(): void {
    this.#registry.clear();
  }

  #add<L extends string>(name: MetricName, type: 'counter' | 'gauge', labels: readonly L[]): Series<L> {
    const series = new Series({ name: `${PREFIX}${name}`, type, help: METRICS[name].help, labels });
    this.#series.push(series);
    if (METRICS[name].labels[0] === 'feed') this.#ofFeeds.push(series);
    return series;
  }
}
