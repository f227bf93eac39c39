import { globSync, readFileSync } from 'node:fs';
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';

import { widgetsOf } from '../../../infra/local/emulators/cloudwatch/dashboard.ts';
import { createMetricStore } from '../../../infra/local/emulators/cloudwatch/metric-store.ts';
import {
  dataPoint,
  type ExpressionQuery,
  type Query,
} from '../../../infra/local/emulators/cloudwatch/query.ts';
import {
  type CloudFormationTemplate,
  alarmsOf as definitionsOf,
} from '../../../infra/local/emulators/cloudwatch/template.ts';
import { DEFAULT_BUDGET_SETTINGS } from '../../../lib/budget/settings.ts';
import { METRIC_NAMESPACE, METRICS, type MetricName } from '../../../lib/contract.ts';
import { synth } from './synth.ts';

const TOPIC = 'arn:aws:sns:eu-central-1:123456789012:alarms';

interface AlarmMetric {
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions: readonly { readonly Name: string; readonly Value: unknown }[];
}

interface AlarmProperties extends AlarmMetric {
  readonly AlarmName: string;
  readonly AlarmDescription: unknown;
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

/** The properties of the dashboard's widgets. */
function widgetsOnDashboard(): readonly {
  readonly metrics?: readonly (readonly unknown[])[];
  readonly query?: string;
}[] {
  const [dashboard] = Object.values(synth().findResources('AWS::CloudWatch::Dashboard'));
  const [, parts] = dashboard!.Properties.DashboardBody['Fn::Join'] as [string, unknown[]];
  const body = JSON.parse(parts.map((part) => (typeof part === 'string' ? part : 'token')).join(''));
  return body.widgets.map(({ properties }: { properties: object }) => properties);
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

test('the saved queries look at the logs of every function of the stack', () => {
  const template = synth({ callers: ['mocha'] });
  const queries = Object.values(template.findResources('AWS::Logs::QueryDefinition'));
  expect(queries.map(({ Properties }) => Properties.Name)).toContain('Test/Who used the budget');
  const logged = Object.values(template.findResources('AWS::Lambda::Function')).flatMap(
    ({ Properties }) => Properties.LoggingConfig?.LogGroup ?? [],
  );
  expect(logged).toHaveLength(5);
  for (const { Properties } of queries) expect(new Set(Properties.LogGroupNames)).toEqual(new Set(logged));
});

describe('the dashboard', () => {
  const widgets = widgetsOnDashboard();
  /** `[namespace, name, dimension, value, …, options]` */
  const own = widgets
    .flatMap(({ metrics = [] }) => metrics)
    .filter(([namespace]) => namespace === METRIC_NAMESPACE);

  test('draws what is alarmed, and has the rest in tables from the log', () => {
    const [alarmed, others] = [true, false].map((isAlarmed) =>
      Object.keys(METRICS).filter((name) => 'alarmed' in METRICS[name as MetricName] === isAlarmed),
    );
    expect(new Set(own.map(([, name]) => name))).toEqual(new Set(alarmed));
    const inTables = widgets.flatMap(({ query = '' }) =>
      [...query.matchAll(/(?:sum|max|latest)\((\w+)\)/g)].map(([, name]) => name),
    );
    expect(inTables).toEqual(expect.arrayContaining(others ?? []));
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
      'CallsResting',
      'ClientRemoved',
      'ClientsFailing',
      'ClientsFailing',
      'CounterImplausible',
      'JobAge',
      'JobDone',
      'MintFailed',
      'PauseAge',
      'SecondsToExpiry',
      'SecondsToExpiry',
      'SecretsNotListed',
      'TicketsGranted',
      'WafRefusedCall',
    ]);
    for (const { MetricName, Dimensions } of own) {
      expect(Dimensions.map(({ Name }) => Name).sort(), MetricName).toEqual(dimensionsOf(MetricName));
      expect(Dimensions).toContainEqual({ Name: 'service', Value: 'Test' });
    }
  });

  test('are named after the stack, the row of alarms.md and, where there is one per budget, the budget', () => {
    const names = (stage?: Parameters<typeof synth>[0]) => alarmsOf(stage).map(({ AlarmName }) => AlarmName);
    expect(names()).toEqual(expect.arrayContaining(['Test-TicksMissing', 'Test-WafBlock-default']));
    expect(names({ zones: 2, budget: { name: 'nat' } })).toEqual(
      expect.arrayContaining(['Test-WafBlock-nat', 'Test-WafBlock-nat-1', 'Test-BudgetSaturated-nat-2']),
    );
  });

  test('say how grave they are, of which stage, what to run first, and which row of alarms.md is theirs', () => {
    for (const { AlarmName, AlarmDescription } of alarmsOf()) {
      const text = JSON.stringify(AlarmDescription);
      expect(text, AlarmName).toMatch(/\[(critical|warning)\] test: [A-Z].*\. First: aws \w/);
      const [, row = ''] = /^Test-(\w+)(?:-default)?$/.exec(AlarmName) ?? [];
      expect(text).toContain(`(see ${row} in infra/aws/alarms.md)`);
      // The most that CloudWatch takes, with room for names that only the deployment knows.
      expect(text.length).toBeLessThan(1024 - 200);
    }
  });

  test('take silence for a fault of ticks alone', () => {
    for (const { AlarmName, TreatMissingData } of alarmsOf())
      expect(TreatMissingData).toBe(AlarmName === 'Test-TicksMissing' ? 'breaching' : 'notBreaching');
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
    expect(watched('CallsResting')).toEqual(['default', 'default-1', 'default-2']);
    // The minter alone makes calls of the first.
    expect(watched('TicketsGranted')).toEqual(['default-1', 'default-2']);
  });

  test("take a budget's share from its own numbers", () => {
    const shareOf = (stage: Parameters<typeof synth>[0]) =>
      alarmsOf(stage)
        .filter(({ AlarmName }) => AlarmName.startsWith('Test-BudgetSaturated'))
        .flatMap(({ Metrics = [] }) => Metrics.flatMap(({ Expression }) => Expression ?? []));
    expect(shareOf({})).toEqual(['100 * worker / PERIOD(worker) * 0.17']);
    const half = { limit: 1000, worker: { intervalMs: 400 } };
    expect(shareOf({ budget: half })).toEqual(['100 * worker / PERIOD(worker) * 0.4']);
  });

  test('watch the function of every worker', () => {
    const functions = (stage: Parameters<typeof synth>[0]) =>
      alarmsOf(stage)
        .filter(({ AlarmName }) => AlarmName.startsWith('Test-WorkerFails'))
        .map(({ AlarmName, ...alarm }) => [
          AlarmName,
          metricsOf(alarm as AlarmProperties).map(({ Dimensions }) => JSON.stringify(Dimensions)),
        ]);
    const of = (id: string) => expect.stringMatching(`"FunctionName".*"Ref":"${id}Function`);
    expect(functions({})).toEqual([['Test-WorkerFails-default', [of('Worker'), of('Worker')]]]);
    expect(functions({ zones: 2 })).toEqual([
      ['Test-WorkerFails-default-1', [of('Worker1'), of('Worker1')]],
      ['Test-WorkerFails-default-2', [of('Worker2'), of('Worker2')]],
    ]);
  });

  test('tell the caller’s topic when they are raised and when they are over, or one of the stack', () => {
    for (const alarm of alarmsOf({ alarmTopicArn: TOPIC })) {
      expect(alarm).toMatchObject({ AlarmActions: [TOPIC], OKActions: [TOPIC] });
    }
    for (const alarm of alarmsOf())
      expect(alarm.AlarmActions).toEqual([{ Ref: expect.stringContaining('Topic') }]);
  });

  test('go to a topic of the stack that is encrypted', () => {
    synth().hasResourceProperties('AWS::SNS::Topic', { KmsMasterKeyId: Match.anyValue() });
  });

  test('tell no topic of another region, which CloudWatch would refuse', () => {
    expect(() => synth({ alarmTopicArn: TOPIC.replace('eu-central-1', 'us-east-1') })).toThrow(
      'alarmTopicArn is in us-east-1',
    );
  });
});

describe('the share of a saturated budget', () => {
  const template = synth().toJSON() as CloudFormationTemplate;
  const isShare = (query: Query): query is ExpressionQuery =>
    'expression' in query &&
    Object.values(query.metrics).every(({ metric }) => metric.name === 'TicketsGranted');
  const alarms = definitionsOf(template).map(({ query }) => query);
  const lines = widgetsOf(template).flatMap((widget) =>
    widget.kind === 'graph' ? widget.lines.map(({ query }) => query) : [],
  );
  const shares = [...alarms, ...lines].filter(isShare);
  const hourMs = 3_600_000;
  const store = createMetricStore();
  for (const stream of ['worker', 'minter'] as const) {
    const metric = {
      namespace: METRIC_NAMESPACE,
      name: 'TicketsGranted',
      dimensions: { service: 'Test', budget: 'default', stream },
    };
    const { intervalMs } = DEFAULT_BUDGET_SETTINGS[stream];
    for (let atMs = 0; atMs < hourMs; atMs += intervalMs) store.put(metric, 1, atMs);
  }

  test('is in one alarm and in one line of a widget, at the same period', () => {
    expect(shares.map(({ periodSeconds }) => periodSeconds)).toEqual([300, 300]);
  });

  test.each([60, 300, 3600])('is 100 %% at a period of %i s', (periodSeconds) => {
    for (const { expression, metrics } of shares) {
      const atPeriod = Object.fromEntries(
        Object.entries(metrics).map(([id, metric]) => [id, { ...metric, periodSeconds }]),
      );
      const query = { expression, metrics: atPeriod, periodSeconds };
      const share = dataPoint(query, store, hourMs - 1000 * periodSeconds, hourMs);
      expect(Math.abs(Number(share) - 100), expression).toBeLessThanOrEqual(1);
    }
  });
});

test('everything that takes tags has the tag of its stage', () => {
  const { Resources } = synth({ zones: 1 }).toJSON() as CloudFormationTemplate;
  const untagged = Object.values(Resources)
    .filter(
      ({ Properties }) =>
        !/"Key":"stage","Value":"test"|"stage":"test"/.test(JSON.stringify(Properties ?? {})),
    )
    .map(({ Type }) => Type);
  // They belong to something that is tagged; but for saved queries, and for dashboards, CloudFormation gives them no tags of their own.
  expect([...new Set(untagged)].sort()).toEqual([
    'AWS::CloudWatch::Dashboard',
    'AWS::EC2::Route',
    'AWS::EC2::SubnetRouteTableAssociation',
    'AWS::EC2::VPCGatewayAttachment',
    'AWS::IAM::Policy',
    'AWS::Lambda::EventInvokeConfig',
    'AWS::Logs::QueryDefinition',
    'AWS::SNS::TopicPolicy',
    'AWS::SQS::QueuePolicy',
    'AWS::Scheduler::Schedule',
  ]);
});
