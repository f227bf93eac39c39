import { CfnQueryDefinition } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

import { LOG_QUERIES } from './log-queries.ts';
import type { Watched } from './watched.ts';

/** Saves the queries of the logs for the console, in a folder of the service's name. They cost nothing. */
export function createSavedQueries(scope: Construct, { broker, budgets, callers }: Watched): void {
  const functions = [
    ...[broker.minter, broker.inspector, broker.operator, ...callers],
    ...budgets.flatMap(({ worker }) => worker ?? []),
  ];
  for (const [name, queryString] of Object.entries(LOG_QUERIES))
    new CfnQueryDefinition(scope, name.replaceAll(' ', ''), {
      name: `${broker.serviceName}/${name}`,
      queryString,
      logGroupNames: functions.map(({ logGroup }) => logGroup.logGroupName),
    });
}
