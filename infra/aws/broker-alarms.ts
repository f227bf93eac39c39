import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

import type { TokenBroker } from './token-broker.ts';

/** `critical`: calls fail, or are about to. `warning`: somebody should look during the day. */
export type Severity = 'critical' | 'warning';

export interface BrokerAlarmsProps {
  readonly broker: TokenBroker;
  /** Names of the budgets that functions use. */
  readonly budgets: readonly string[];
  /** Queues that ought to be empty, by the name of what ends there. */
  readonly deadLetterQueues: Readonly<Record<string, IQueue>>;
  /**
   * Who is told when an alarm is raised, and when it is over.
   * @default - nobody: alarms are shown in the console alone
   */
  readonly topic?: ITopic | undefined;
}

interface Rule {
  readonly severity: Severity;
  readonly description: string;
  readonly metric: IMetric;
  readonly comparison: ComparisonOperator;
  readonly threshold: number;
  /** Ticks in a row. */
  readonly ticks: number;
  readonly missing: TreatMissingData;
}

/** Clients that fail for longer than a passing fault does. */
const FAILING_TICKS = 3;
/** The schedule may miss one tick, and a token outlives two. */
const MISSING_TICKS = 3;
/** A client that has just been created has no token for one tick. */
const WITHOUT_TOKEN_TICKS = 2;

/** Tells when calls fail or are about to, with what to do. */
export class BrokerAlarms extends Construct {
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, { broker, budgets, deadLetterQueues, topic }: BrokerAlarmsProps) {
    super(scope, id);
    // No alarm looks at less than a tick.
    const period = broker.tick;
    const { LESS_THAN_THRESHOLD, LESS_THAN_OR_EQUAL_TO_THRESHOLD, GREATER_THAN_OR_EQUAL_TO_THRESHOLD } =
      ComparisonOperator;
    const { BREACHING, NOT_BREACHING } = TreatMissingData;
    const anyAtOnce = {
      comparison: GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      threshold: 1,
      missing: NOT_BREACHING,
    };
    const rules: Readonly<Record<string, Rule>> = {
      TicksMissing: {
        severity: 'critical',
        description: 'The minter completes no ticks: tokens expire. Look at its log and at the dead ticks.',
        metric: broker.metric('MinterTick', {}, { period }),
        comparison: LESS_THAN_THRESHOLD,
        threshold: 1,
        ticks: MISSING_TICKS,
        missing: BREACHING,
      },
      ClientWithoutToken: {
        severity: 'critical',
        description: 'A client has no token that may be served. Ask the inspector which, and why.',
        metric: broker.metric('SecondsToExpiry', {}, { period, statistic: 'Minimum' }),
        comparison: LESS_THAN_OR_EQUAL_TO_THRESHOLD,
        threshold: 0,
        ticks: WITHOUT_TOKEN_TICKS,
        missing: NOT_BREACHING,
      },
      ClientsFailing: {
        ...anyAtOnce,
        severity: 'warning',
        description:
          'No token can be minted for some client; the current one is served on to its end. Ask the inspector.',
        metric: broker.metric('ClientsFailing', {}, { period, statistic: 'Maximum' }),
        ticks: FAILING_TICKS,
      },
      ...Object.fromEntries(
        budgets.map((budget): [string, Rule] => [
          `FirewallRefused-${budget}`,
          {
            ...anyAtOnce,
            severity: 'critical',
            description: `Plume's firewall refused a call, and all calls of budget ${budget} rest. Look for other callers behind the address.`,
            metric: broker.metric('WafBlocked', { budget }, { period }),
            ticks: 1,
          },
        ]),
      ),
      ...Object.fromEntries(
        Object.entries(deadLetterQueues).map(([what, queue]): [string, Rule] => [
          what,
          {
            ...anyAtOnce,
            severity: 'warning',
            description: `Messages wait in the dead-letter queue ${queue.queueName}: nobody tries them again.`,
            metric: queue.metricApproximateNumberOfMessagesVisible({ period, statistic: 'Maximum' }),
            ticks: 1,
          },
        ]),
      ),
    };
    this.alarms = Object.entries(rules).map(([name, rule]) => this.#alarm(name, rule, topic));
  }

  #alarm(name: string, rule: Rule, topic: ITopic | undefined): Alarm {
    const alarm = new Alarm(this, name, {
      alarmDescription: `[${rule.severity}] ${rule.description}`,
      metric: rule.metric,
      comparisonOperator: rule.comparison,
      threshold: rule.threshold,
      evaluationPeriods: rule.ticks,
      treatMissingData: rule.missing,
    });
    if (topic === undefined) return alarm;
    alarm.addAlarmAction(new SnsAction(topic));
    alarm.addOkAction(new SnsAction(topic));
    return alarm;
  }
}
