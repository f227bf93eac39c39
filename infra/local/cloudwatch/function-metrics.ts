import type { Facts } from '../facts.ts';
import type { MetricStore } from './metric-store.ts';

const TIMES = new Set(['Seconds', 'Milliseconds']);

/**
 * Puts the metrics that functions write into their logs. Returns the function that ends it.
 *
 * @param secondMs how long one second of CloudWatch lasts here, in ms: spans are as many times longer there
 */
export function putFunctionMetrics(facts: Facts, store: MetricStore, secondMs = 1000): () => void {
  return facts.subscribe((fact) => {
    if (fact.kind !== 'metric') return;
    const { namespace, metric: name, dimensions, unit, value } = fact;
    const scale = TIMES.has(unit) ? 1000 / secondMs : 1;
    store.put({ namespace, name, dimensions }, value * scale, fact.atMs);
  });
}
