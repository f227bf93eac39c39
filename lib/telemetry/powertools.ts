import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';

import { METRIC_NAMESPACE, METRICS } from '../contract.ts';
import { redactingReplacer } from './redaction.ts';
import { currentRequestId } from './request-id.ts';
import type { BufferedTelemetry } from './telemetry.ts';

/**
 * Structured logs and metrics in the embedded metric format, through Powertools. Metrics are gathered by their
 * labels, one line each at the flush. An environment may serve several invocations at once: they share the
 * buffer, and whoever ends first flushes it.
 */
export function createPowertoolsTelemetry(service: string): BufferedTelemetry {
  const logger = new Logger({ serviceName: service, jsonReplacerFn: redactingReplacer });
  const pending = new Map<string, Metrics>();

  return {
    metric(name, value, labels) {
      const { unit, dimensions } = METRICS[name];
      const key = JSON.stringify([dimensions, labels]);
      let metrics = pending.get(key);
      if (metrics === undefined) {
        metrics = createLine(service, dimensions, labels);
        pending.set(key, metrics);
      }
      metrics.addMetric(name, unit, value);
      // Powertools publishes a line by itself when a metric has a hundred values in it, and forgets its labels then.
      if (!metrics.hasStoredMetrics()) pending.delete(key);
    },
    log(level, message, fields = {}) {
      const requestId = currentRequestId();
      logger[level](message, { ...fields, ...(requestId !== undefined && { requestId }) });
    },
    flush() {
      for (const metrics of pending.values()) metrics.publishStoredMetrics();
      pending.clear();
    },
  };
}

/** A line of metrics that share their labels: some are dimensions, the others stand beside them. */
function createLine(
  service: string,
  dimensions: readonly string[],
  labels: Readonly<Record<string, string>>,
): Metrics {
  const isDimension = ([label]: [string, string]): boolean => dimensions.includes(label);
  const entries = Object.entries(labels);
  const line = new Metrics({
    namespace: METRIC_NAMESPACE,
    serviceName: service,
    defaultDimensions: Object.fromEntries(entries.filter(isDimension)),
  });
  for (const [label, value] of entries.filter((entry) => !isDimension(entry))) line.addMetadata(label, value);
  return line;
}
