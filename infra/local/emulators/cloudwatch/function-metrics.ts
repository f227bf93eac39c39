import type { RunEvent } from '../../run/events.ts';
import type { MetricStore } from './metric-store.ts';

const TIMES = new Set(['Seconds', 'Milliseconds']);

/**
 * Puts a metric that a function has written into its log; any other event is nothing to it.
 *
 * @param secondMs how long one second of CloudWatch lasts here, in ms: spans are as many times longer there
 */
export function putFunctionMetric(store: MetricStore, event: RunEvent, secondMs = 1000): void {
  if (event.kind !== 'metric') return;
  const { namespace, metric: name, dimensions, unit, value } = event;
  const scale = TIMES.has(unit) ? 1000 / secondMs : 1;
  store.put({ namespace, name, dimensions }, value * scale, event.atMs);
}
