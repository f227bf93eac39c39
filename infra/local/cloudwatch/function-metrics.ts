import type { Facts } from '../facts.ts';
import { embeddedMetrics } from './embedded-metrics.ts';
import type { MetricStore } from './metric-store.ts';

const TIMES = new Set(['Seconds', 'Milliseconds']);

/**
 * Puts the metrics that functions write into their logs. Returns the function that ends it.
 *
 * @param secondMs how long one second of CloudWatch lasts here, in ms: spans are as many times longer there
 */
export function putFunctionMetrics(facts: Facts, store: MetricStore, secondMs = 1000): () => void {
  return facts.subscribe((fact) => {
    if (fact.kind !== 'log') return;
    for (const { metric, unit, values } of embeddedMetrics(fact.line)) {
      const scale = TIMES.has(unit) ? 1000 / secondMs : 1;
      for (const value of values) store.put(metric, value * scale, fact.atMs);
    }
  });
}
