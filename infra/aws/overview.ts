import {
  Alarm,
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type GraphWidgetProps,
  type IMetric,
  type IWidget,
  type LogQueryWidget,
  PeriodOverride,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Duration } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';

import { MINT_FAILURES } from '../../lib/contract.ts';
import { logTable } from './log-table.ts';
import type { Watched, WatchedBudget } from './watched.ts';

const FULL = 24;
const HALF = FULL / 2;

/** Everything that the functions measure on one page, under the three questions that people come with. */
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
    [waits(watched)],
    [heading('Is work flowing?')],
    ...workRows(watched),
  ];
  for (const row of rows) dashboard.addWidgets(...row);
  return dashboard;
}

function tokenRows({ broker, budgets }: Watched): IWidget[][] {
  const logGroups = logGroupsOf({ broker, budgets });
  return [
    [
      graph('Shortest time to expiry, seconds', [broker.metricSecondsToExpiry()], {
        leftAnnotations: [{ value: broker.tick.toSeconds(), label: 'one tick' }],
      }),
      graph('Ticks, and clients that fail', [
        broker.metricMinterTick(),
        broker.metricClientsFailing(),
        broker.metric('ClientRemoved', {}),
        broker.metric('SecretsNotListed', {}),
      ]),
    ],
    [
      graph(
        'Failed mints, by code',
        MINT_FAILURES.map((code) => broker.metricMintFailed({ code })),
      ),
      logTable({
        title: 'Seconds to expiry, by client',
        logGroups: [broker.minter.logGroup],
        columns: { seconds: ['latest', 'SecondsToExpiry'] },
        by: ['client'],
        sort: ['seconds', 'asc'],
        width: HALF,
      }),
    ],
    [
      logTable({
        title: 'Tokens, by client',
        logGroups,
        columns: {
          minted: ['sum', 'TokenMinted'],
          rejected: ['sum', 'TokenRejected'],
          recovered: ['sum', 'TokenRecovered'],
          disagreements: ['sum', 'ExpiryDisagreement'],
        },
        by: ['client'],
        sort: ['rejected', 'desc'],
        width: HALF,
      }),
      logTable({
        title: 'Tokens served, by source',
        logGroups,
        columns: { served: ['sum', 'TokenServed'] },
        by: ['source'],
        sort: ['served', 'desc'],
        width: HALF,
      }),
    ],
  ];
}

function budgetRows({ broker }: Watched, { name: budget, streams }: WatchedBudget): IWidget[][] {
  const trouble = [
    broker.metric('CallsResting', { budget }, { label: 'blocked by the WAF' }),
    broker.metric('WafRefusedCall', { budget }),
    broker.metric('CounterImplausible', { budget }),
  ];
  if (!streams.includes('worker')) return [[graph(`Calls of budget ${budget}`, trouble)]];
  const workers = { budget, stream: 'worker' } as const;
  const share = broker.metricBudgetUsed(workers);
  return [
    [
      graph(`Share of budget ${budget} used, %`, [share], {
        leftAnnotations: [{ value: 100, label: 'all' }],
        leftYAxis: { min: 0 },
        // The CDK leaves out a line's period of five minutes, since it takes that for the widget's.
        period: share.period,
      }),
      graph(`Calls of budget ${budget}`, [
        broker.metric('TicketsGranted', workers, { label: 'granted to workers' }),
        ...trouble,
      ]),
    ],
    [graph(`Age of the pause of budget ${budget}, seconds`, [broker.metric('PauseAge', { budget })])],
  ];
}

function waits({ broker, budgets }: Watched): LogQueryWidget {
  return logTable({
    title: 'Waits, by budget and stream',
    logGroups: logGroupsOf({ broker, budgets }),
    columns: {
      granted: ['sum', 'TicketsGranted'],
      refused: ['sum', 'TicketsRefused'],
      expired: ['sum', 'TicketsExpired'],
      longestWaitMs: ['max', 'TicketWait'],
      wafRests: ['sum', 'WafBlocked'],
      clockOffsetMs: ['max', 'ClockOffset'],
    },
    by: ['budget', 'stream'],
    sort: ['refused', 'desc'],
    width: FULL,
  });
}

function logGroupsOf({ broker, budgets }: Pick<Watched, 'broker' | 'budgets'>): readonly ILogGroup[] {
  return [broker.minter.logGroup, ...budgets.flatMap(({ worker }) => worker?.logGroup ?? [])];
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
      graph('Jobs done', [broker.metric('JobDone', {})]),
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
      logTable({
        title: 'Jobs that were not done, by client',
        logGroups: logGroupsOf({ broker, budgets }),
        columns: {
          postponed: ['sum', 'JobPostponed'],
          failed: ['sum', 'JobFailed'],
          deadLettered: ['sum', 'JobDead'],
        },
        by: ['client'],
        sort: ['postponed', 'desc'],
        width: HALF,
      }),
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
