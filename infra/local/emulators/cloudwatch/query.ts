import { evaluate } from './expression.ts';
import type { MetricId, MetricStore } from './metric-store.ts';
import { statisticOf } from './statistic.ts';

/** A line of a widget, or what an alarm looks at. */
export type Query = MetricQuery | ExpressionQuery;

export interface MetricQuery {
  readonly metric: MetricId;
  readonly statistic: string;
  readonly periodSeconds: number;
}

export interface ExpressionQuery {
  readonly expression: string;
  readonly periodSeconds: number;
  /** By the ids that stand in the expression. */
  readonly metrics: Readonly<Record<string, MetricQuery>>;
}

/** The data point of one period; undefined if there is none. */
export function dataPoint(
  query: Query,
  store: MetricStore,
  fromMs: number,
  toMs: number,
): number | undefined {
  if ('metric' in query) return statisticOf(query.statistic, store.values(query.metric, fromMs, toMs));
  return evaluate(query.expression, (id) => {
    const metric = query.metrics[id];
    if (metric === undefined) return undefined;
    return { value: dataPoint(metric, store, fromMs, toMs), periodSeconds: metric.periodSeconds };
  });
}

/** The metrics that a query needs. */
export function metricsOf(query: Query): readonly MetricId[] {
  return 'metric' in query ? [query.metric] : Object.values(query.metrics).map(({ metric }) => metric);
}
