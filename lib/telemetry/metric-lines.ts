import {
  isMetric,
  METRIC_NAMESPACE,
  METRICS,
  type MetricChoice,
  type MetricDefinition,
  type MetricName,
} from '../contract.ts';
import type { Now } from '../platform/clock.ts';

/** Measurements, until they are written as lines of the log. */
export interface MetricBuffer {
  add(name: MetricName, value: number, labels: Readonly<Record<string, string>>): void;
  /** The lines of all that was added since the last time: JSON, in the embedded metric format where CloudWatch is to take it. */
  drain(): readonly string[];
}

interface Measured {
  readonly name: MetricName;
  readonly definition: MetricDefinition;
  readonly labels: Readonly<Record<string, string>>;
  value: number;
}

/**
 * One value of each metric and its labels is kept, and those that share labels and dimensions share a line: a line costs
 * more than what is in it. A measurement that is not a metric of CloudWatch is a field of the line for Logs Insights.
 *
 * @param of what every line says; `service` is the dimension that all metrics have
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function createMetricBuffer(
  of: { readonly service: string; readonly function?: string },
  choice: MetricChoice,
  now: Now,
): MetricBuffer {
  const measured = new Map<string, Measured>();

  function lineOf(together: readonly [Measured, ...Measured[]]): string {
    const [{ definition, labels }] = together;
    const metrics = together.filter(({ name }) => isMetric(name, labels, choice));
    return JSON.stringify({
      ...(metrics.length > 0 && {
        _aws: {
          Timestamp: now(),
          CloudWatchMetrics: [
            {
              Namespace: METRIC_NAMESPACE,
              Dimensions: [['service', ...definition.dimensions]],
              Metrics: metrics.map(({ name, definition: { unit } }) => ({ Name: name, Unit: unit })),
            },
          ],
        },
      }),
      ...of,
      ...labels,
      ...Object.fromEntries(together.map(({ name, value }) => [name, value])),
    });
  }

  return {
    add(name, value, labels) {
      // For each call anew, so nothing is allocated but the text.
      let key: string = name;
      for (const label in labels) key += `\n${labels[label]}`;
      const known = measured.get(key);
      if (known === undefined) measured.set(key, { name, definition: METRICS[name], labels, value });
      else known.value = kept(known, value);
    },
    drain() {
      const lines = Map.groupBy(measured.values(), ({ definition, labels }) =>
        JSON.stringify([definition.dimensions, labels]),
      );
      measured.clear();
      return [...lines.values()].map((together) => lineOf(together as [Measured, ...Measured[]]));
    },
  };
}

function kept({ definition: { keeps }, value: before }: Measured, value: number): number {
  switch (keeps) {
    case 'sum':
      return before + value;
    case 'maximum':
      return Math.max(before, value);
    case 'latest':
      return value;
  }
}
