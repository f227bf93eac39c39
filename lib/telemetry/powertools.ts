import { Logger } from '@aws-lambda-powertools/logger';

import type { MetricChoice } from '../contract.ts';
import { systemClock } from '../platform/clock.ts';
import { currentRequestId } from './invocation.ts';
import { currentLogFields } from './log-fields.ts';
import { createMetricBuffer } from './metric-lines.ts';
import { redactingReplacer } from './redaction.ts';
import type { BufferedTelemetry } from './telemetry.ts';

/**
 * Structured logs through Powertools, and metrics as lines between them. An environment may serve several invocations at
 * once: they share the buffer of metrics, and the one that ends first flushes it.
 *
 * @param functionName is said in every line: several functions share a service
 */
export function createPowertoolsTelemetry(
  service: string,
  metrics: MetricChoice,
  functionName?: string,
): BufferedTelemetry {
  const persistentKeys = { ...(functionName !== undefined && { function: functionName }) };
  const logger = new Logger({ serviceName: service, jsonReplacerFn: redactingReplacer, persistentKeys });
  const buffer = createMetricBuffer({ service, ...persistentKeys }, metrics, systemClock.now);

  return {
    metric: buffer.add,
    log(level, message, fields = {}) {
      const requestId = currentRequestId();
      logger[level](message, {
        ...currentLogFields(),
        ...fields,
        ...(requestId !== undefined && { requestId }),
      });
    },
    flush() {
      // Not through the console, to whose lines Lambda adds its own words: CloudWatch would not find the metrics.
      for (const line of buffer.drain()) process.stdout.write(`${line}\n`);
    },
  };
}
