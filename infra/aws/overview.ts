import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type GraphWidgetProps,
  type IMetric,
  type IWidget,
  LogQueryWidget,
  PeriodOverride,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';

import { type BudgetStream, MINT_FAILURES } from '../../lib/contract.ts';
import type { Watched, WatchedBudget } from './watched.ts';

const FULL = 24;
const HALF = FULL / 2;
const SOURCES = ['memory', 'table', 'minter'];

/** Every metric of the functions on one page, under the three questions that people come with. */
export function createOverview(scope: Construct, watched: Watched, alarms: readonly Alarm[]): Dashboard {
  // Whatever span is looked at, a point stands for the period that its line names.
  const dashboard = new Dashboard(scope, 'Dashboard', { periodOverride: PeriodOverride.INHERIT });
  // By name: emulators of CloudFormation know no attributes of alarms.
  const named = alarms.map(({ alarmName }, index) => Alarm.fromAlarmName(scope, `Named${index}`, alarmName));
  const rows: IWidget[][] = [
    [new AlarmStatusWidget({ title: 'Alarms', alarms: named, width: FULL })],
    [heading('Are tokens fresh?')],
    ...tokenRows(watched),
    [heading('Is the budget kept?')],
    ...watched.budgets.flatMap((budget) => budgetRows(watched, budget)),
    [heading('Is work flowing?')],
    ...workRows(watched),
  ];
  for (const row of rows) dashboard.addWidgets(...row);
  return dashboard;
}

function tokenRows({ broker }: Watched): IWidget[][] {
  return [
    [
      graph('Shortest time to expiry, seconds', [broker.metricSecondsToExpiry()], {
        leftAnnotations: [{ value: broker.tick.toSeconds(), label: 'one tick' }],
      }),
      graph('Mints', [broker.metricTokenMinted(), broker.metricClientsFailing(), broker.metricMinterTick()]),
    ],
    [
      graph(
        'Failed mints, by code',
        MINT_FAILURES.map((code) => broker.metricMintFailed({ code })),
      ),
      new LogQueryWidget({
        title: 'Seconds to expiry, by client',
        logGroupNames: [broker.minter.logGroup.logGroupName],
        queryLines: [
          'filter ispresent(SecondsToExpiry)',
          'stats latest(SecondsToExpiry) as seconds by client',
          'sort seconds asc',
        ],
        width: HALF,
      }),
    ],
    [
      graph(
        'Tokens served, by source',
        SOURCES.map((source) => broker.metric('TokenServed', { source }, { label: source })),
      ),
      graph('Tokens rejected, and other trouble', [
        broker.metric('TokenRejected', {}),
        broker.metric('TokenRecovered', {}),
        broker.metric('ExpiryDisagreement', {}),
        broker.metric('SecretsNotListed', {}),
        broker.metric('ClientRemoved', {}),
      ]),
    ],
  ];
}

function budgetRows({ broker }: Watched, { name: budget, streams }: WatchedBudget): IWidget[][] {
  const ofStreams = (
    metrics: (dimensions: { readonly budget: string; readonly stream: BudgetStream }) => IMetric[],
  ): IMetric[] => streams.flatMap((stream) => metrics({ budget, stream }));
  const shares = streams.map((stream) => broker.metricBudgetUsed({ budget, stream }));
  return [
    [
      graph(`Share of budget ${budget} used, %`, shares, {
        leftAnnotations: [{ value: 100, label: 'all' }],
        leftYAxis: { min: 0 },
        // The CDK leaves out a line's period of five minutes, since it takes that for the widget's.
        ...(shares[0] && { period: shares[0].period }),
      }),
      graph(`Calls of budget ${budget}`, [
        ...ofStreams((of) => [
          broker.metric('TicketsGranted', of, { label: `granted, ${of.stream}` }),
          broker.metric('TicketsRefused', of, { label: `refused, ${of.stream}` }),
          broker.metric('TicketsExpired', of, { label: `expired, ${of.stream}` }),
        ]),
        broker.metric('WafBlocked', { budget }),
        broker.metric('WafRefusedCall', { budget }),
        broker.metric('CounterImplausible', { budget }),
      ]),
    ],
    [
      graph(
        `Streams of budget ${budget} whose calls rest`,
        ofStreams((of) => [broker.metric('CallsResting', of, { label: of.stream })]),
      ),
      graph(`Clocks beside DynamoDB's, ms, budget ${budget}`, [broker.metric('ClockOffset', { budget })]),
    ],
    [
      graph(
        `Waits of budget ${budget}, ms`,
        ofStreams((of) => [
          broker.metric('TicketWait', of, { statistic: 'p50', label: `p50, ${of.stream}` }),
          broker.metric('TicketWait', of, { statistic: 'p99', label: `p99, ${of.stream}` }),
        ]),
      ),
    ],
  ];
}

function workRows({ broker, budgets, workQueues, deadLetterQueues }: Watched): IWidget[][] {
  const each = (
    queues: Readonly<Record<string, IQueue>>,
    metric: (queue: IQueue, label: string) => IMetric,
  ) => Object.entries(queues).map(([name, queue]) => metric(queue, name));
  const deadLetters = graph(
    'Dead letters',
    each(deadLetterQueues, (queue, label) => queue.metricApproximateNumberOfMessagesVisible({ label })),
  );
  // Without queues there is no reference worker.
  if (Object.keys(workQueues).length === 0) return [[deadLetters]];
  return [
    [
      graph('Jobs of the reference worker', [
        broker.metric('JobDone', {}),
        broker.metric('JobPostponed', {}),
        broker.metric('JobFailed', {}),
        broker.metric('JobDead', {}),
      ]),
      graph('Age, seconds: of jobs when they are taken up, of the oldest message', [
        broker.metric('JobAge', {}),
        ...each(workQueues, (queue, label) => queue.metricApproximateAgeOfOldestMessage({ label })),
      ]),
    ],
    [
      graph(
        'Messages waiting',
        each(workQueues, (queue, label) => queue.metricApproximateNumberOfMessagesVisible({ label })),
      ),
      deadLetters,
    ],
    [
      graph(
        'Invocations of workers that failed or were throttled',
        budgets.flatMap(({ name, worker }) =>
          worker === undefined
            ? []
            : [
                worker.metricErrors({ label: `failed, budget ${name}` }),
                worker.metricThrottles({ label: `throttled, budget ${name}` }),
              ],
        ),
      ),
    ],
  ];
}

function heading(question: string): TextWidget {
  return new TextWidget({ markdown: `## ${question}`, width: FULL, height: 1 });
}

function graph(title: string, left: IMetric[], options: Partial<GraphWidgetProps> = {}): GraphWidget {
  // A point for each tick: what lasts a minute does not drown in five.
  return new GraphWidget({ title, left, width: HALF, period: Duration.minutes(1), ...options });
}
