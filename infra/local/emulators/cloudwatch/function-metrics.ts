import type { Fact } from '../../run/facts.ts';
import type { MetricStore } from './metric-store.ts';

const TIMES = new Set(['Seconds', 'Milliseconds']);

/**
 * Puts a metric that a function has written into its log; any other fact is nothing to it.
 *
 * @param secondMs how long one second of CloudWatch lasts here, in ms: spans are as many times longer there
 */
export function putFunctionMetric(store: MetricStore, fact: Fact, secondMs = 1000): void {
  if (fact.kind !== 'metric') return;
  const { namespace, metric: name, dimensions, unit, value } = fact;
  const scale = TIMES.has(unit) ? 1000 / secondMs : 1;
  store.put({ namespace, name, dimensions }, value * scale, fact.atMs);
}
