import { MathExpression, Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import { Duration } from 'aws-cdk-lib/core';
import type { BudgetSettings } from '../../lib/budget/settings.ts';
import {
  type BudgetStream,
  isMetric,
  METRIC_NAMESPACE,
  METRICS,
  type MetricDefinition,
  type MetricName,
} from '../../lib/contract.ts';
import type { BrokerSettings } from '../../lib/settings.ts';

/** The values of a metric's own dimensions; `service` is added to them. */
export type DimensionsOf<Name extends MetricName> = {
  readonly [Key in (typeof METRICS)[Name]['dimensions'][number]]: string;
};

/** CloudWatch's options of a metric, such as `period`; its dimensions are the metric's own. */
export type MetricChoices = Omit<MetricOptions, 'dimensionsMap'>;

/**
 * A metric of the functions as CloudWatch knows it: names and dimensions are those of `lib/contract.ts`.
 *
 * @throws {Error} the broker's functions do not send it
 */
export function brokerMetric<Name extends MetricName>(
  { service, metrics }: Pick<BrokerSettings, 'service' | 'metrics'>,
  metricName: Name,
  dimensions: DimensionsOf<Name>,
  options: MetricChoices = {},
): Metric {
  const { keeps }: MetricDefinition = METRICS[metricName];
  if (!isMetric(metricName, dimensions, metrics))
    throw new Error(
      `${metricName} is a field of the log of ${service}, and no metric: set the broker's metrics to 'all', or ask Logs Insights`,
    );
  return new Metric({
    namespace: METRIC_NAMESPACE,
    metricName,
    dimensionsMap: { service, ...dimensions },
    statistic: keeps === 'sum' ? 'Sum' : 'Maximum',
    ...options,
  });
}

/**
 * Tickets granted as a share (%) of those that become valid in the same time: a rate, so that it says the same at any
 * period. An alarm's is the WAF's window.
 */
export function budgetUsed(granted: Metric, stream: BudgetStream, budget: BudgetSettings): MathExpression {
  const { windowMs } = budget;
  const { intervalMs } = budget[stream];
  return new MathExpression({
    expression: `100 * ${stream} / PERIOD(${stream}) * ${intervalMs / 1000}`,
    usingMetrics: { [stream]: granted },
    // CloudWatch knows whole minutes.
    period: Duration.minutes(Math.ceil(windowMs / 60_000)),
    label: `share used, ${stream}`,
  });
}
