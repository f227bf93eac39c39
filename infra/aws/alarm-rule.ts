import { ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';

/** `critical`: calls fail, or are about to. `warning`: look during the day. */
export type Severity = 'critical' | 'warning';

/** One alarm, before it has a name. */
export interface Rule {
  readonly severity: Severity;
  /** What happened, and what follows from it. */
  readonly description: string;
  /** The command that the operator runs first. */
  readonly firstMove: string;
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

/** One is too many, at any time. */
export const ANY_AT_ONCE = {
  comparison: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
  threshold: 1,
  periods: 1,
  missing: TreatMissingData.NOT_BREACHING,
};

/** The command that shows what a function has logged lately. */
export function logsOf({ logGroup }: LambdaFunction): string {
  return `aws logs tail ${logGroup.logGroupName} --since 30m`;
}
