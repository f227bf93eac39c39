import type { AlarmDefinition } from './alarm.ts';
import type { MetricId } from './metric-store.ts';
import type { MetricQuery, Query } from './query.ts';

/** A synthesized CloudFormation template. */
export interface CloudFormationTemplate {
  readonly Resources: Readonly<Record<string, Resource>>;
}

interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly Metadata?: Readonly<Record<string, unknown>> | undefined;
}

interface MetricProperties {
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: unknown }[];
}

interface AlarmProperties extends MetricProperties {
  readonly AlarmName: string;
  readonly AlarmDescription?: unknown;
  readonly Period?: number;
  readonly Statistic?: string;
  readonly ExtendedStatistic?: string;
  readonly ComparisonOperator: AlarmDefinition['comparison'];
  readonly Threshold: number;
  readonly EvaluationPeriods: number;
  readonly DatapointsToAlarm?: number;
  readonly TreatMissingData?: AlarmDefinition['treatMissingData'];
  readonly Metrics?: readonly {
    readonly Id: string;
    readonly Expression?: string;
    readonly MetricStat?: {
      readonly Metric: MetricProperties;
      readonly Period: number;
      readonly Stat: string;
    };
  }[];
}

/**
 * Text with references in it. What only a deployment knows is put as the name of the resource: `Jobs`, `Jobs.QueueName`.
 *
 * @throws {Error} the value is of a kind that the stack does not use here
 */
export function textOf(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  const [[kind, argument] = []] = Object.entries(value ?? {});
  if (kind === 'Ref') return String(argument);
  if (kind === 'Fn::GetAtt') return (argument as string[]).join('.');
  if (kind === 'Fn::Join') {
    const [separator, parts] = argument as [string, unknown[]];
    return parts.map(textOf).join(separator);
  }
  throw new Error(`${kind} is not expected in a metric, an alarm or a dashboard`);
}

/**
 * The logical id of a resource.
 *
 * @param path the names of the constructs around it, as the CDK joins them
 * @throws {Error} there is none
 */
export function idOf({ Resources }: CloudFormationTemplate, type: string, path: string): string {
  const found = Object.entries(Resources).find(
    ([id, { Type }]) => Type === type && id.replace(HASH, '') === path,
  );
  if (found === undefined) throw new Error(`the template has no ${type} ${path}`);
  return found[0];
}

/** What the CDK appends to logical ids. */
const HASH = /[0-9A-F]{8}$/;

/** The alarms of a template. */
export function alarmsOf({ Resources }: CloudFormationTemplate): readonly AlarmDefinition[] {
  return Object.values(Resources)
    .filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm')
    .map(({ Properties }) => alarmOf(Properties as unknown as AlarmProperties));
}

function alarmOf(properties: AlarmProperties): AlarmDefinition {
  return {
    name: properties.AlarmName,
    description: textOf(properties.AlarmDescription ?? ''),
    query: queryOf(properties),
    comparison: properties.ComparisonOperator,
    threshold: properties.Threshold,
    evaluationPeriods: properties.EvaluationPeriods,
    datapointsToAlarm: properties.DatapointsToAlarm ?? properties.EvaluationPeriods,
    treatMissingData: properties.TreatMissingData ?? 'missing',
  };
}

function queryOf(alarm: AlarmProperties): Query {
  const { Metrics, Period = 300, Statistic, ExtendedStatistic } = alarm;
  if (Metrics === undefined) {
    return {
      metric: metricOf(alarm),
      statistic: Statistic ?? ExtendedStatistic ?? 'Average',
      periodSeconds: Period,
    };
  }
  const metrics = Object.fromEntries(
    Metrics.flatMap(({ Id, MetricStat }): [string, MetricQuery][] =>
      MetricStat === undefined
        ? []
        : [
            [
              Id,
              {
                metric: metricOf(MetricStat.Metric),
                statistic: MetricStat.Stat,
                periodSeconds: MetricStat.Period,
              },
            ],
          ],
    ),
  );
  const expression = Metrics.find(({ Expression }) => Expression !== undefined)?.Expression;
  const [only] = Object.values(metrics);
  // A metric with a label of its own is written like this too.
  if (expression === undefined && only !== undefined) return only;
  const periodSeconds = Math.max(...Object.values(metrics).map((metric) => metric.periodSeconds));
  return { expression: expression ?? '', metrics, periodSeconds };
}

function metricOf({ Namespace, MetricName, Dimensions = [] }: MetricProperties): MetricId {
  return {
    namespace: Namespace,
    name: MetricName,
    dimensions: Object.fromEntries(Dimensions.map(({ Name, Value }) => [Name, textOf(Value)])),
  };
}
