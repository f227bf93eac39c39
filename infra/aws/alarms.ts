import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';

import type { Watched, WatchedBudget } from './watched.ts';

/** `critical`: calls fail, or are about to. `warning`: somebody should look during the day. */
type Severity = 'critical' | 'warning';

interface Rule {
  readonly severity: Severity;
  readonly description: string;
  readonly metric: IMetric;
  readonly comparison: ComparisonOperator;
  readonly threshold: number;
  /** Periods of the metric that are looked at. */
  readonly periods: number;
  /** How many of them must breach. @default - all */
  readonly breaches?: number;
  /** What silence means. */
  readonly missing: TreatMissingData;
}

/** The schedule may miss one tick, and a token outlives two. */
const MISSING_TICKS = 3;
/** Clients that fail for longer than a passing fault does. */
const FAILING_TICKS = 3;
/** A client that has just been created has no token for one tick. */
const WITHOUT_TOKEN_TICKS = 2;
/** Refused credentials are tried again after a quarter of an hour at the earliest: until then nothing is new. */
const REFUSED_TICKS = 15;
/** The share of a budget's calls, %, above which callers wait for each other. */
const SATURATED_PERCENT = 95;
/** A burst may use up one window. */
const SATURATED_WINDOWS = 2;

const { LESS_THAN_THRESHOLD, LESS_THAN_OR_EQUAL_TO_THRESHOLD, GREATER_THAN_OR_EQUAL_TO_THRESHOLD } =
  ComparisonOperator;
const { BREACHING, NOT_BREACHING } = TreatMissingData;

const ANY_AT_ONCE = {
  comparison: GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
  threshold: 1,
  periods: 1,
  missing: NOT_BREACHING,
};

/** Tells the topic when calls fail or are about to, with what to do. README lists the alarms. */
export function createAlarms(scope: Construct, watched: Watched, topic: ITopic): readonly Alarm[] {
  const rules = {
    ...tokenRules(watched),
    ...Object.fromEntries(watched.budgets.flatMap((budget) => budgetRules(watched, budget))),
    ...Object.fromEntries(deadLetterRules(watched)),
  };
  return Object.entries(rules).map(([name, rule]) => {
    const alarm = new Alarm(scope, name, {
      alarmDescription: `[${rule.severity}] ${rule.description}`,
      metric: rule.metric,
      comparisonOperator: rule.comparison,
      threshold: rule.threshold,
      evaluationPeriods: rule.periods,
      datapointsToAlarm: rule.breaches ?? rule.periods,
      treatMissingData: rule.missing,
    });
    alarm.addAlarmAction(new SnsAction(topic));
    alarm.addOkAction(new SnsAction(topic));
    return alarm;
  });
}

function tokenRules({ broker }: Watched): Readonly<Record<string, Rule>> {
  // No alarm looks at less than a tick.
  const period = broker.tick;
  return {
    TicksMissing: {
      severity: 'critical',
      description: 'The minter completes no ticks: tokens expire. Look at its log and at the dead ticks.',
      metric: broker.metricMinterTick({ period }),
      comparison: LESS_THAN_THRESHOLD,
      threshold: 1,
      periods: MISSING_TICKS,
      missing: BREACHING,
    },
    ClientWithoutToken: {
      severity: 'critical',
      description: 'A client has no token that may be served. Ask the inspector which, and why.',
      metric: broker.metricSecondsToExpiry({ period }),
      comparison: LESS_THAN_OR_EQUAL_TO_THRESHOLD,
      threshold: 0,
      periods: WITHOUT_TOKEN_TICKS,
      missing: NOT_BREACHING,
    },
    TokenAboutToExpire: {
      severity: 'warning',
      description:
        'The token of some client ends before the next tick, and could not be replaced. Ask the inspector which, and why.',
      metric: broker.metricSecondsToExpiry({ period }),
      comparison: LESS_THAN_THRESHOLD,
      threshold: period.toSeconds(),
      periods: 1,
      missing: NOT_BREACHING,
    },
    ClientsFailing: {
      ...ANY_AT_ONCE,
      severity: 'warning',
      description:
        'No token can be minted for some client; the current one is served on to its end. Ask the inspector.',
      metric: broker.metricClientsFailing({ period }),
      periods: FAILING_TICKS,
    },
    CredentialsRefused: {
      ...ANY_AT_ONCE,
      severity: 'critical',
      description:
        'The authorization server refuses the credentials of some client (invalid_client). Store those that the Partner Portal shows.',
      metric: broker.metricMintFailed({ code: 'invalid_client', period }),
      periods: REFUSED_TICKS,
      breaches: 1,
    },
  };
}

function budgetRules({ broker }: Watched, { name: budget, streams }: WatchedBudget): [string, Rule][] {
  const rules: [string, Rule][] = [
    [
      `FirewallRefused-${budget}`,
      {
        ...ANY_AT_ONCE,
        severity: 'critical',
        description: `Plume's firewall refused a call, and all calls of budget ${budget} rest. Look for other callers behind the address.`,
        metric: broker.metric('WafBlocked', { budget }, { period: Duration.minutes(1) }),
      },
    ],
  ];
  if (streams.includes('worker'))
    rules.push([
      `BudgetSaturated-${budget}`,
      {
        severity: 'warning',
        description: `Workers use up budget ${budget}: calls wait for each other and come back later. Make fewer, or ask Plume for a higher limit.`,
        metric: broker.metricBudgetUsed({ budget, stream: 'worker' }),
        comparison: GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        threshold: SATURATED_PERCENT,
        periods: SATURATED_WINDOWS,
        missing: NOT_BREACHING,
      },
    ]);
  return rules;
}

function deadLetterRules({ deadLetterQueues }: Watched): [string, Rule][] {
  return Object.entries(deadLetterQueues).map(([what, queue]) => [
    what,
    {
      ...ANY_AT_ONCE,
      severity: 'warning',
      description: `Messages wait in the dead-letter queue ${queue.queueName}: nobody tries them again.`,
      metric: queue.metricApproximateNumberOfMessagesVisible({
        period: Duration.minutes(1),
        statistic: 'Maximum',
      }),
    },
  ]);
}
