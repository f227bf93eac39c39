import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';

import { isEvent, METRIC_NAMESPACE, METRICS, type MetricDefinition, type MetricName } from '../contract.ts';
import { currentRequestId } from './invocation.ts';
import { currentLogFields } from './log-fields.ts';
import { redactingReplacer } from './redaction.ts';
import type { BufferedTelemetry } from './telemetry.ts';

/** A metric with its labels, and what came of it since the last flush. */
interface Gathered {
  readonly name: MetricName;
  readonly definition: MetricDefinition;
  readonly labels: Readonly<Record<string, string>>;
  readonly values: [number, ...number[]];
}

/**
 * Structured logs and metrics in the embedded metric format, through Powertools. Metrics are gathered by their
 * labels, one line each at the flush. An environment may serve several invocations at once: they share the
 * buffer, and whoever ends first flushes it.
 *
 * @param functionName is said in every line: several functions share a service
 */
export function createPowertoolsTelemetry(service: string, functionName?: string): BufferedTelemetry {
  const logger = new Logger({
    serviceName: service,
    jsonReplacerFn: redactingReplacer,
    ...(functionName !== undefined && { persistentKeys: { function: functionName } }),
  });
  const gathered = new Map<string, Gathered>();

  return {
    metric(name, value, labels) {
      const key = [name, ...Object.values(labels)].join('\n');
      const known = gathered.get(key);
      if (known === undefined) {
        gathered.set(key, { name, definition: METRICS[name], labels, values: [value] });
      } else if (isEvent(known.definition)) {
        known.values[0] += value;
      } else {
        known.values.push(value);
      }
    },
    log(level, message, fields = {}) {
      const requestId = currentRequestId();
      logger[level](message, {
        ...currentLogFields(),
        ...fields,
        ...(requestId !== undefined && { requestId }),
      });
    },
    flush() {
      for (const metrics of Map.groupBy(gathered.values(), lineOf).values()) publish(service, metrics);
      gathered.clear();
    },
  };
}

/** Metrics that share their labels share a line, if the same ones of them are dimensions. */
function lineOf({ definition, labels }: Gathered): string {
  return JSON.stringify([definition.dimensions, labels]);
}

function publish(service: string, metrics: readonly Gathered[]): void {
  let line: Metrics | undefined;
  for (const metric of metrics) {
    for (const value of metric.values) {
      line ??= createLine(service, metric);
      line.addMetric(metric.name, metric.definition.unit, value);
      // Powertools publishes a line by itself when a metric has a hundred values in it, and forgets its labels then.
      if (!line.hasStoredMetrics()) line = undefined;
    }
  }
  line?.publishStoredMetrics();
}

/** Some labels are dimensions, the others stand beside them. */
function createLine(service: string, { definition, labels }: Gathered): Metrics {
  const isDimension = ([label]: [string, string]): boolean => definition.dimensions.includes(label);
  const entries = Object.entries(labels);
  const line = new Metrics({
    namespace: METRIC_NAMESPACE,
    serviceName: service,
    defaultDimensions: Object.fromEntries(entries.filter(isDimension)),
  });
  for (const [label, value] of entries.filter((entry) => !isDimension(entry))) line.addMetadata(label, value);
  return line;
}
