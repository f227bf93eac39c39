import { LogQueryWidget } from 'aws-cdk-lib/aws-cloudwatch';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';

import type { MetricName } from '../../lib/contract.ts';

export interface LogTableProps {
  readonly title: string;
  readonly logGroups: readonly ILogGroup[];
  /** By the column's name: the value of a measurement in the time that the dashboard shows. */
  readonly columns: Readonly<Record<string, readonly ['sum' | 'max' | 'latest', MetricName]>>;
  /** A row for each combination of these fields. */
  readonly by: readonly string[];
  /** The column that orders the rows. */
  readonly sort: readonly [column: string, order: 'asc' | 'desc'];
  readonly width: number;
}

/** A table from the log, for values that are not metrics of CloudWatch, or only of all clients together. */
export function logTable({ title, logGroups, columns, by, sort, width }: LogTableProps): LogQueryWidget {
  const all = Object.entries(columns);
  const names = [...new Set(all.map(([, [, name]]) => name))];
  return new LogQueryWidget({
    title,
    logGroupNames: logGroups.map(({ logGroupName }) => logGroupName),
    queryLines: [
      `filter ${names.map((name) => `ispresent(${name})`).join(' or ')}`,
      `stats ${all.map(([column, [what, name]]) => `${what}(${name}) as ${column}`).join(', ')} by ${by.join(', ')}`,
      `sort ${sort.join(' ')}`,
    ],
    width,
  });
}
