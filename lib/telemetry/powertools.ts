import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';

import { METRIC_NAMESPACE, METRIC_SERVICE, METRICS } from '../contract.ts';
import { redactingReplacer } from './redaction.ts';
import type { BufferedTelemetry } from './telemetry.ts';

/**
 * Structured logs and metrics in the embedded metric format, through Powertools. Metrics are gathered by set of
 * dimensions, one line each at the flush. An environment may serve several invocations at once: they share the
 * buffer, and whoever ends first flushes it.
 */
export function createPowertoolsTelemetry(): BufferedTelemetry {
  const logger = new Logger({ serviceName: METRIC_SERVICE, jsonReplacerFn: redactingReplacer });
  const pending = new Map<string, Metrics>();

  return {
    metric(name, value, dimensions) {
      const key = JSON.stringify(dimensions);
      let metrics = pending.get(key);
      if (metrics === undefined) {
        metrics = new Metrics({
          namespace: METRIC_NAMESPACE,
          serviceName: METRIC_SERVICE,
          defaultDimensions: { ...dimensions },
        });
        pending.set(key, metrics);
      }
      metrics.addMetric(name, METRICS[name].unit, value);
    },
    log(level, message, fields = {}) {
      logger[level](message, fields);
    },
    flush() {
      for (const metrics of pending.values()) metrics.publishStoredMetrics();
      pending.clear();
    },
  };
}
