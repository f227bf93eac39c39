import type { Widget } from '../emulators/cloudwatch/dashboard.ts';
import type { MetricStore } from '../emulators/cloudwatch/metric-store.ts';
import { dataPoint } from '../emulators/cloudwatch/query.ts';
import type { GraphView } from './view.ts';

type Graph = Extract<Widget, { kind: 'graph' }>;

const MAX_PERIODS = 300;

/** The data points of a widget: those of complete periods do not change any more, that of the current one does. */
export function createGraphRecord(
  { title, lines, marks }: Graph,
  store: MetricStore,
  { startedAtMs, secondMs }: { readonly startedAtMs: number; readonly secondMs: number },
): (nowMs: number) => GraphView {
  const periodMs = Math.min(...lines.map(({ query }) => query.periodSeconds)) * secondMs;
  const complete: { readonly fromMs: number; readonly values: readonly (number | null)[] }[] = [];
  let nextMs = Math.floor(startedAtMs / periodMs) * periodMs;

  const period = (fromMs: number, toMs: number) => ({
    fromMs,
    values: lines.map(({ query }) => dataPoint(query, store, fromMs, toMs) ?? null),
  });

  return (nowMs) => {
    for (; nextMs + periodMs <= nowMs; nextMs += periodMs) {
      complete.push(period(nextMs, nextMs + periodMs));
      if (complete.length > MAX_PERIODS) complete.shift();
    }
    const all = [...complete, period(nextMs, nowMs)];
    return {
      kind: 'graph',
      title,
      atMs: all.map(({ fromMs }) => Math.round(fromMs - startedAtMs)),
      lines: lines.map(({ label }, index) => ({
        label,
        values: all.map(({ values }) => values[index] ?? null),
      })),
      levels: marks,
    };
  };
}
