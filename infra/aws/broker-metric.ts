import { Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';

import { METRIC_NAMESPACE, METRICS, type MetricName } from '../../lib/contract.ts';

export type DimensionsOf<Name extends MetricName> = {
  readonly [Key in (typeof METRICS)[Name]['dimensions'][number]]: string;
};

/** A metric of the functions as CloudWatch knows it: names and dimensions are those of `lib/contract.ts`. */
export function brokerMetric<Name extends MetricName>(
  service: string,
  metricName: Name,
  dimensions: DimensionsOf<Name>,
  options: Omit<MetricOptions, 'dimensionsMap'> = {},
): Metric {
  return new Metric({
    namespace: METRIC_NAMESPACE,
    metricName,
    dimensionsMap: { service, ...dimensions },
    statistic: METRICS[metricName].unit === 'Count' ? 'Sum' : 'Maximum',
    ...options,
  });
}
