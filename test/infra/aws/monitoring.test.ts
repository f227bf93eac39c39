import { globSync, readFileSync } from 'node:fs';
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';

import { METRIC_NAMESPACE, METRICS, type MetricName } from '../../../lib/contract.ts';
import { synth } from './synth.ts';

const TOPIC = 'arn:aws:sns:eu-central-1:123456789012:alarms';

interface AlarmMetric {
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions: readonly { readonly Name: string; readonly Value: unknown }[];
}

interface AlarmProperties extends AlarmMetric {
  readonly AlarmDescription: string;
  /** In the place of a single metric. */
  readonly Metrics?: readonly {
    readonly Expression?: string;
    readonly MetricStat?: { readonly Metric: AlarmMetric };
  }[];
  readonly EvaluationPeriods: number;
  readonly TreatMissingData: string;
  readonly AlarmActions?: unknown;
  readonly OKActions?: unknown;
}

function alarmsOf(stage: Parameters<typeof synth>[0] = {}): readonly AlarmProperties[] {
  return Object.values(synth(stage).findResources('AWS::CloudWatch::Alarm')).map(
    ({ Properties }) => Properties,
  );
}

/** Also those that stand in expressions. */
const metricsOf = (alarm: AlarmProperties): readonly AlarmMetric[] =>
  alarm.Metrics?.flatMap(({ MetricStat }) => (MetricStat ? [MetricStat.Metric] : [])) ?? [alarm];

/** The metrics on the dashboard: `[namespace, name, dimension, value, …, options]`. */
function metricsOnDashboard(): readonly (readonly unknown[])[] {
  const [dashboard] = Object.values(synth().findResources('AWS::CloudWatch::Dashboard'));
  const [, parts] = dashboard!.Properties.DashboardBody['Fn::Join'] as [string, unknown[]];
  const body = JSON.parse(parts.map((part) => (typeof part === 'string' ? part : 'token')).join(''));
  return body.widgets.flatMap(
    ({ properties }: { properties: { metrics?: unknown[] } }) => properties.metrics ?? [],
  );
}

const dimensionsOf = (name: string): string[] =>
  ['service', ...METRICS[name as MetricName].dimensions].sort();

test('every metric is emitted somewhere', () => {
  const source = globSync('{lib,functions}/**/*.ts')
    .filter((file) => file !== 'lib/contract.ts')
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  for (const name of Object.keys(METRICS)) expect(source).toContain(`metric('${name}', `);
});

describe('the dashboard', () => {
  const own = metricsOnDashboard().filter(([namespace]) => namespace === METRIC_NAMESPACE);

  test('shows every metric', () => {
    expect(new Set(own.map(([, name]) => name))).toEqual(new Set(Object.keys(METRICS)));
  });

  test('asks for metrics by the dimensions that they are emitted with', () => {
    for (const [, name, ...rest] of own) {
      const dimensions = rest.filter((part, index) => typeof part === 'string' && index % 2 === 0);
      expect(dimensions.toSorted(), String(name)).toEqual(dimensionsOf(String(name)));
    }
  });
});

describe('alarms', () => {
  test('look at metrics by the dimensions that they are emitted with', () => {
    const own = alarmsOf()
      .flatMap(metricsOf)
      .filter(({ Namespace }) => Namespace === METRIC_NAMESPACE);
    expect(own.map(({ MetricName }) => MetricName).sort()).toEqual([
      'ClientsFailing',
      'MintFailed',
      'MinterTick',
      'SecondsToExpiry',
      'SecondsToExpiry',
      'TicketsGranted',
      'WafBlocked',
    ]);
    for (const { MetricName, Dimensions } of own) {
      expect(Dimensions.map(({ Name }) => Name).sort(), MetricName).toEqual(dimensionsOf(MetricName));
      expect(Dimensions).toContainEqual({ Name: 'service', Value: 'Test' });
    }
  });

  test('say how grave they are and what to do; silence is grave for ticks alone', () => {
    for (const { AlarmDescription, MetricName, TreatMissingData } of alarmsOf()) {
      expect(JSON.stringify(AlarmDescription)).toMatch(/\[(critical|warning)\] \w/);
      expect(TreatMissingData).toBe(MetricName === 'MinterTick' ? 'breaching' : 'notBreaching');
    }
  });

  test('watch both dead-letter queues', () => {
    const queues = alarmsOf().filter(({ Namespace }) => Namespace === 'AWS/SQS');
    expect(queues).toHaveLength(2);
  });

  test('watch the budget of every address', () => {
    const metrics = alarmsOf({ zones: 2 }).flatMap(metricsOf);
    const watched = (name: string) =>
      metrics
        .filter(({ MetricName }) => MetricName === name)
        .map(({ Dimensions }) => Dimensions.find(({ Name }) => Name === 'budget')?.Value)
        .sort();
    expect(watched('WafBlocked')).toEqual(['default', 'default-1', 'default-2']);
    // The minter alone makes calls of the first.
    expect(watched('TicketsGranted')).toEqual(['default-1', 'default-2']);
  });

  test("take a budget's share from its own numbers", () => {
    const shareOf = (stage: Parameters<typeof synth>[0]) =>
      alarmsOf(stage).flatMap(({ Metrics = [] }) => Metrics.flatMap(({ Expression }) => Expression ?? []));
    expect(shareOf({})).toEqual(['100 * worker / 1764']);
    const half = { limit: 1000, worker: { intervalMs: 400 } };
    expect(shareOf({ budget: half })).toEqual(['100 * worker / 750']);
  });

  test('tell the caller’s topic when they are raised and when they are over, or one of the stack', () => {
    for (const alarm of alarmsOf({ alarmTopicArn: TOPIC })) {
      expect(alarm).toMatchObject({ AlarmActions: [TOPIC], OKActions: [TOPIC] });
    }
    for (const alarm of alarmsOf())
      expect(alarm.AlarmActions).toEqual([{ Ref: expect.stringContaining('Topic') }]);
  });

  test('of a topic of the stack: it is encrypted, takes no request in clear, and CloudWatch may use its key', () => {
    const template = synth();
    template.hasResourceProperties('AWS::SNS::Topic', { KmsMasterKeyId: Match.anyValue() });
    template.hasResourceProperties('AWS::SNS::TopicPolicy', {
      PolicyDocument: {
        Statement: [Match.objectLike({ Condition: { Bool: { 'aws:SecureTransport': 'false' } } })],
      },
    });
    template.hasResourceProperties('AWS::KMS::Key', {
      KeyPolicy: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
            Principal: { Service: 'cloudwatch.amazonaws.com' },
            Condition: { StringEquals: { 'aws:SourceAccount': Match.anyValue() } },
          }),
        ]),
      },
    });
  });

  test('tell no topic of another region, which CloudWatch would refuse', () => {
    expect(() => synth({ alarmTopicArn: TOPIC.replace('eu-central-1', 'us-east-1') })).toThrow(
      'alarmTopicArn is in us-east-1',
    );
  });
});
