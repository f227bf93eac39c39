import { ComparisonOperator, MathExpression, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { Duration } from 'aws-cdk-lib/core';

import { TABLE } from '../../lib/contract.ts';
import { ANY_AT_ONCE, logsOf, type Rule } from './alarm-rule.ts';
import type { Watched, WatchedBudget } from './watched.ts';

/** A tick may fall between the end of a pause and the answer to the probe that follows it. */
const RESTING_TICKS = 2;
/** A pause that lasts for so long may have been forgotten. */
const LONG_PAUSE = Duration.hours(1);
/** An instance may die; one that dies again within this span has a reason. */
const FAILING_WORKER = { period: Duration.minutes(5), periods: 3, breaches: 2 };
/** The share of a budget's calls, %, above which callers wait for each other. */
const SATURATED_PERCENT = 95;
/** A burst may use up one window. */
const SATURATED_WINDOWS = 2;

const { GREATER_THAN_OR_EQUAL_TO_THRESHOLD } = ComparisonOperator;
const { NOT_BREACHING } = TreatMissingData;

/** The alarms of one budget: one of each for every address that calls leave from. */
export function budgetRules(
  { broker }: Watched,
  { name: budget, streams, worker }: WatchedBudget,
): Readonly<Record<string, Rule>> {
  return {
    WafBlock: {
      ...ANY_AT_ONCE,
      severity: 'critical',
      description: `The WAF refuses every call of the address, so budget ${budget} makes no calls.`,
      firstMove: logsOf(worker ?? broker.minter),
      metric: broker.metric('CallsResting', { budget }, { period: broker.tick }),
      periods: RESTING_TICKS,
      breaches: 1,
    },
    WafRefusedCall: {
      ...ANY_AT_ONCE,
      severity: 'warning',
      description: `The WAF refuses single calls of budget ${budget} while others pass.`,
      firstMove: logsOf(worker ?? broker.minter),
      metric: broker.metric('WafRefusedCall', { budget }, { period: Duration.minutes(5) }),
    },
    CounterImplausible: {
      ...ANY_AT_ONCE,
      severity: 'critical',
      description: `A counter of budget ${budget} stands further ahead than any caller can have moved it, so its stream makes no calls.`,
      firstMove: logsOf(worker ?? broker.minter),
      metric: broker.metric('CounterImplausible', { budget }, { period: Duration.minutes(5) }),
    },
    ...(streams.includes('worker') && {
      CallsPaused: {
        severity: 'warning',
        description: `An operator paused the calls of budget ${budget} more than an hour ago, and the pause still holds.`,
        firstMove: `aws dynamodb get-item --table-name ${broker.table.tableName} --key '{"pk":{"S":"${TABLE.orderKey(budget)}"}}'`,
        metric: broker.metric('PauseAge', { budget }, { period: broker.tick }),
        comparison: GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        threshold: LONG_PAUSE.toSeconds(),
        periods: 1,
        missing: NOT_BREACHING,
      },
      BudgetSaturated: {
        severity: 'warning',
        description: `Budget ${budget} is saturated: calls wait for their turn, and jobs go back to the queue.`,
        firstMove: logsOf(worker ?? broker.minter),
        metric: broker.metricBudgetUsed({ budget, stream: 'worker' }),
        comparison: GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        threshold: SATURATED_PERCENT,
        periods: SATURATED_WINDOWS,
        missing: NOT_BREACHING,
      },
    }),
    ...(worker && {
      WorkerFails: {
        ...ANY_AT_ONCE,
        severity: 'critical',
        description: `Invocations of the worker of budget ${budget} fail or are throttled.`,
        firstMove: logsOf(worker),
        metric: new MathExpression({
          expression: 'FILL(errors, 0) + FILL(throttles, 0)',
          usingMetrics: { errors: worker.metricErrors(), throttles: worker.metricThrottles() },
          period: FAILING_WORKER.period,
          label: 'errors and throttles',
        }),
        periods: FAILING_WORKER.periods,
        breaches: FAILING_WORKER.breaches,
      },
    }),
  };
}
