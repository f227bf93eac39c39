/** A metric as CloudWatch tells it from others: by namespace, name and all of its dimensions. */
export interface MetricId {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

export interface MetricStore {
  /** @param atMs Unix ms */
  put(metric: MetricId, value: number, atMs: number): void;
  /** The values of a span that ends before `toMs`. */
  values(metric: MetricId, fromMs: number, toMs: number): readonly number[];
  /** All metrics that ever had a value. */
  metrics(): readonly MetricId[];
}

interface Series {
  readonly metric: MetricId;
  readonly points: { readonly atMs: number; readonly value: number }[];
}

/** Metrics in memory, in the place of CloudWatch's. */
export function createMetricStore(): MetricStore {
  const all = new Map<string, Series>();
  return {
    put(metric, value, atMs) {
      const key = keyOf(metric);
      const series = all.get(key) ?? { metric, points: [] };
      all.set(key, series);
      series.points.push({ atMs, value });
    },
    values: (metric, fromMs, toMs) =>
      (all.get(keyOf(metric))?.points ?? [])
        .filter(({ atMs }) => atMs >= fromMs && atMs < toMs)
        .map(({ value }) => value),
    metrics: () => [...all.values()].map(({ metric }) => metric),
  };
}

/** The order in which dimensions are named does not matter. */
function keyOf({ namespace, name, dimensions }: MetricId): string {
  return JSON.stringify([namespace, name, Object.entries(dimensions).sort()]);
}
