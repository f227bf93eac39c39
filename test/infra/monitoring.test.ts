import { globSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { METRIC_NAMESPACE, METRICS, type MetricName } from '../../lib/contract.ts';
import { synth } from './synth.ts';

const TOPIC = 'arn:aws:sns:eu-central-1:123456789012:alarms';

interface AlarmProperties {
  readonly AlarmDescription: string;
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions: readonly { readonly Name: string; readonly Value: unknown }[];
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
    const own = alarmsOf().filter(({ Namespace }) => Namespace === METRIC_NAMESPACE);
    expect(own.map(({ MetricName }) => MetricName).sort()).toEqual([
      'ClientsFailing',
      'MinterTick',
      'SecondsToExpiry',
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
    const watched = alarmsOf({ zones: 2 }).flatMap(({ MetricName, Dimensions }) =>
      MetricName === 'WafBlocked' ? [Dimensions.find(({ Name }) => Name === 'budget')?.Value] : [],
    );
    expect(watched.toSorted()).toEqual(['default', 'default-1', 'default-2']);
  });

  test('tell the topic when they are raised and when they are over, or nobody', () => {
    for (const alarm of alarmsOf({ alarmTopicArn: TOPIC })) {
      expect(alarm).toMatchObject({ AlarmActions: [TOPIC], OKActions: [TOPIC] });
    }
    for (const alarm of alarmsOf()) expect(alarm.AlarmActions).toBeUndefined();
  });

  test('tell no topic of another region, which CloudWatch would refuse', () => {
    expect(() => synth({ alarmTopicArn: TOPIC.replace('eu-central-1', 'us-east-1') })).toThrow(
      'alarmTopicArn is in us-east-1',
    );
  });
});
