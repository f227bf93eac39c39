import type { MetricChoice } from '../contract.ts';
import { systemClock } from '../platform/clock.ts';
import { currentRequestId, currentTraceHeader, type LambdaEnvironment } from './invocation.ts';
import { currentLogFields } from './log-fields.ts';
import { createMetricBuffer } from './metric-lines.ts';
import { redactingReplacer } from './redaction.ts';
import type { BufferedTelemetry } from './telemetry.ts';

/** Lambda's log levels. */
const LEVELS: readonly string[] = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];

/**
 * Logs as lines of JSON, in the shape of Powertools for AWS Lambda, and metrics as lines between them. An environment may
 * serve several invocations at once: they share the buffer of metrics, and the one that ends first flushes it.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
 */
export function createLambdaTelemetry(
  { service, metrics }: { readonly service: string; readonly metrics: MetricChoice },
  environment: LambdaEnvironment,
): BufferedTelemetry {
  const { AWS_LAMBDA_FUNCTION_NAME: name, AWS_LAMBDA_LOG_LEVEL: least = 'INFO' } = environment;
  const ofAll = { service, ...(name !== undefined && { function: name }) };
  const buffer = createMetricBuffer(ofAll, metrics, systemClock.now);

  return {
    metric: buffer.add,
    log(level, message, fields) {
      const logLevel = level.toUpperCase();
      if (LEVELS.indexOf(logLevel) < LEVELS.indexOf(least)) return;
      const line = {
        level: logLevel,
        message,
        timestamp: new Date(systemClock.now()).toISOString(),
        ...ofAll,
        xray_trace_id: /Root=([^;]+)/.exec(currentTraceHeader(environment) ?? '')?.[1],
        ...currentLogFields(),
        ...fields,
        requestId: currentRequestId(),
      };
      write(JSON.stringify(line, redactingReplacer));
    },
    flush() {
      for (const line of buffer.drain()) write(line);
    },
  };
}

/** Not through the console, to whose lines Lambda adds its own words: CloudWatch would not find the metrics. */
function write(line: string): void {
  process.stdout.write(`${line}\n`);
}
