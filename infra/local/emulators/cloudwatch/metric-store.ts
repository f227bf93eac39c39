/** A metric as CloudWatch tells it from others: by namespace, name and all of its dimensions. */
export interface MetricId {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

export interface MetricStore {
  /** @param atMs Unix ms, not before that of the value put last */
  put(metric: MetricId, value: number, atMs: number): void;
  /** The values of a span that ends before `toMs`. */
  values(metric: MetricId, fromMs: number, toMs: number): readonly number[];
  /** All metrics that ever had a value. */
  metrics(): readonly MetricId[];
}

interface Point {
  readonly atMs: number;
  readonly value: number;
}

interface Series {
  readonly metric: MetricId;
  points: Point[];
}

/** Old points go when there are so many more. */
const SLACK = 1_000;

/**
 * Metrics in memory, in the place of CloudWatch's.
 *
 * @param keepMs how long a value is kept at least
 */
export function createMetricStore(keepMs = Number.POSITIVE_INFINITY): MetricStore {
  const all = new Map<string, Series>();
  return {
    put(metric, value, atMs) {
      const key = keyOf(metric);
      const series = all.get(key) ?? { metric, points: [] };
      all.set(key, series);
      series.points.push({ atMs, value });
      const old = firstSince(series.points, atMs - keepMs);
      if (old > SLACK) series.points = series.points.slice(old);
    },
    values(metric, fromMs, toMs) {
      const points = all.get(keyOf(metric))?.points ?? [];
      return points.slice(firstSince(points, fromMs), firstSince(points, toMs)).map(({ value }) => value);
    },
    metrics: () => [...all.values()].map(({ metric }) => metric),
  };
}

/** The index of the first point at that time or later: by halves, since points lie in the order of time. */
function firstSince(points: readonly Point[], atMs: number): number {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((points[middle] as Point).atMs < atMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The order in which dimensions are named does not matter. */
function keyOf({ namespace, name, dimensions }: MetricId): string {
  return JSON.stringify([namespace, name, Object.entries(dimensions).sort()]);
}
