import { Alarm, ComparisonOperator, MathExpression, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Duration } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';

import { ANY_AT_ONCE, logsOf, type Rule } from './alarm-rule.ts';
import { budgetRules } from './budget-alarms.ts';
import type { Watched } from './watched.ts';

/** The schedule may miss one tick, and a token outlives two. */
const MISSING_TICKS = 3;
/** Clients that fail for longer than a passing fault does. */
const FAILING_TICKS = 3;
/** A client that has just been created has no token for one tick. */
const WITHOUT_TOKEN_TICKS = 2;
/** One refusal is a suspicion and is tried again within its tick. If refusals go on, the minter pauses for longer than this. */
const REFUSED_TICKS = 15;
const REFUSED_BREACHES = 2;
/** Secrets Manager may be unavailable for a tick or two. */
const UNLISTED_TICKS = 3;
/** A job that has waited for so long waits for more than its turn. */
const STANDING = Duration.minutes(15);

const { LESS_THAN_THRESHOLD, LESS_THAN_OR_EQUAL_TO_THRESHOLD, GREATER_THAN_OR_EQUAL_TO_THRESHOLD } =
  ComparisonOperator;
const { BREACHING, NOT_BREACHING } = TreatMissingData;

/**
 * Notifies the topic when calls fail or are about to, with the first thing to do. alarms.md has a row for each, by the name
 * that follows the service's, and without the budget's.
 */
export function createAlarms(scope: Construct, watched: Watched, topic: ITopic): readonly Alarm[] {
  const { broker, stage, budgets } = watched;
  const rules: [row: string, rule: Rule, budget?: string][] = [
    ...Object.entries(tokenRules(watched)),
    ...budgets.flatMap((budget) =>
      Object.entries(budgetRules(watched, budget)).map(([row, rule]): [string, Rule, string] => [
        row,
        rule,
        budget.name,
      ]),
    ),
    ...Object.entries(workRules(watched)),
    ...Object.entries(deadLetterRules(watched)),
  ];
  return rules.map(([row, rule, budget]) => {
    const name = budget === undefined ? row : `${row}-${budget}`;
    const alarm = new Alarm(scope, name, {
      alarmName: `${broker.serviceName}-${name}`,
      alarmDescription: `[${rule.severity}] ${stage}: ${rule.description} First: ${rule.firstMove} (see ${row} in infra/aws/alarms.md)`,
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
  const inspect = `aws lambda invoke --function-name ${broker.inspector.functionName} /dev/stdout`;
  return {
    TicksMissing: {
      severity: 'critical',
      description: 'The minter completes no ticks, so tokens expire.',
      firstMove: logsOf(broker.minter),
      metric: broker.metricMinterTick({ period }),
      comparison: LESS_THAN_THRESHOLD,
      threshold: 1,
      periods: MISSING_TICKS,
      missing: BREACHING,
    },
    ClientWithoutToken: {
      severity: 'critical',
      description: 'A client has no token that may be served.',
      firstMove: inspect,
      metric: broker.metricSecondsToExpiry({ period }),
      comparison: LESS_THAN_OR_EQUAL_TO_THRESHOLD,
      threshold: 0,
      periods: WITHOUT_TOKEN_TICKS,
      missing: NOT_BREACHING,
    },
    TokenAboutToExpire: {
      severity: 'warning',
      description: 'The token of a client ends before the next tick and could not be replaced.',
      firstMove: inspect,
      metric: broker.metricSecondsToExpiry({ period }),
      comparison: LESS_THAN_THRESHOLD,
      threshold: period.toSeconds(),
      periods: 1,
      missing: NOT_BREACHING,
    },
    ClientsFailing: {
      ...ANY_AT_ONCE,
      severity: 'warning',
      description: 'No token can be minted for a client; its current token is served to its end.',
      firstMove: inspect,
      metric: broker.metricClientsFailing({ period }),
      periods: FAILING_TICKS,
    },
    CredentialsRefused: {
      ...ANY_AT_ONCE,
      severity: 'critical',
      description: 'The authorization server refuses the credentials of a client (invalid_client).',
      firstMove: inspect,
      metric: broker.metricMintFailed({ code: 'invalid_client', period }),
      periods: REFUSED_TICKS,
      breaches: REFUSED_BREACHES,
    },
    ClientRemoved: {
      ...ANY_AT_ONCE,
      severity: 'warning',
      description: 'The secret of a client is gone, so its token was deleted.',
      firstMove: logsOf(broker.minter),
      metric: broker.metric('ClientRemoved', {}, { period }),
    },
    SecretsNotListed: {
      ...ANY_AT_ONCE,
      severity: 'warning',
      description: 'The minter cannot list the secrets, so new and changed ones are not seen.',
      firstMove: logsOf(broker.minter),
      metric: broker.metric('SecretsNotListed', {}, { period }),
      periods: UNLISTED_TICKS,
    },
  };
}

function workRules({ broker, budgets }: Watched): Readonly<Record<string, Rule>> {
  const worker = budgets.find((budget) => budget.worker)?.worker;
  if (worker === undefined) return {};
  return {
    WorkStands: {
      severity: 'critical',
      description: `A job has waited for ${STANDING.toMinutes()} minutes, and no job was done in that time.`,
      firstMove: `${logsOf(worker)} --filter-pattern '"a job was not done"'`,
      metric: new MathExpression({
        // The worker tells both of each job that it takes up.
        expression: 'IF(done < 1, age, 0)',
        usingMetrics: {
          done: broker.metric('JobDone', {}),
          age: broker.metric('JobAge', {}),
        },
        period: STANDING,
        label: 'age of jobs while none is done',
      }),
      comparison: GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      threshold: STANDING.toSeconds(),
      periods: 1,
      missing: NOT_BREACHING,
    },
  };
}

function deadLetterRules({ deadLetterQueues }: Watched): Readonly<Record<string, Rule>> {
  return Object.fromEntries(
    Object.entries(deadLetterQueues).map(([row, queue]): [string, Rule] => [
      row,
      {
        ...ANY_AT_ONCE,
        severity: 'warning',
        description: 'Messages wait in a dead-letter queue, and nothing tries them again.',
        firstMove: `aws sqs receive-message --queue-url ${queue.queueUrl} --message-attribute-names All`,
        metric: queue.metricApproximateNumberOfMessagesVisible({
          period: Duration.minutes(1),
          statistic: 'Maximum',
        }),
      },
    ]),
  );
}
