import { Logger } from '@aws-lambda-powertools/logger';

import { systemClock } from '../clock.ts';
import { createEmbeddedMetrics } from './embedded-metrics.ts';
import { redactingReplacer } from './redaction.ts';
import { currentRequestId } from './request-id.ts';
import type { BufferedTelemetry } from './telemetry.ts';

/**
 * Structured logs through Powertools, and metrics in the embedded metric format. An environment may serve several
 * invocations at once: they share the metrics' buffer, and whoever ends first flushes it.
 */
export function createPowertoolsTelemetry(service: string): BufferedTelemetry {
  const logger = new Logger({ serviceName: service, jsonReplacerFn: redactingReplacer });
  const metrics = createEmbeddedMetrics(service);

  return {
    metric: metrics.add,
    log(level, message, fields = {}) {
      const requestId = currentRequestId();
      logger[level](message, { ...fields, ...(requestId !== undefined && { requestId }) });
    },
    flush() {
      // Not through `console`: Lambda's would put the time and the request's id before a line.
      for (const line of metrics.take(systemClock.now())) process.stdout.write(`${line}\n`);
    },
  };
}
