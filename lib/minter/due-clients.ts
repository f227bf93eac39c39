import { type AttributeValue, type DynamoDBClient, QueryCommand } from '@aws-sdk/client-dynamodb';

import { TABLE } from '../contract.ts';
import { errorReason } from '../platform/error-reason.ts';
import { ClientRecordsUnavailableError } from './errors.ts';

export interface DueClient {
  readonly client: string;
  readonly dueAtMs: number;
}

/** The value of the due index's partition key. */
export const DUE = 'mint';

/**
 * Reads the due index. It may lag behind the items, so look at the item before acting.
 *
 * @param byMs clients due by then; without it all clients
 * @returns the longest due first
 * @throws {ClientRecordsUnavailableError}
 */
export async function queryDueClients(
  { dynamodb, table }: { dynamodb: DynamoDBClient; table: string },
  byMs: number | undefined,
): Promise<readonly DueClient[]> {
  const { name, partitionKey, sortKey } = TABLE.dueIndex;
  const found: DueClient[] = [];
  let start: Record<string, AttributeValue> | undefined;
  do {
    const page = await dynamodb
      .send(
        new QueryCommand({
          TableName: table,
          IndexName: name,
          KeyConditionExpression: byMs === undefined ? '#due = :due' : '#due = :due AND #at <= :by',
          ExpressionAttributeNames: { '#due': partitionKey, ...(byMs !== undefined && { '#at': sortKey }) },
          ExpressionAttributeValues: {
            ':due': { S: DUE },
            ...(byMs !== undefined && { ':by': { N: String(byMs) } }),
          },
          ExclusiveStartKey: start,
        }),
      )
      .catch((error: unknown) => {
        throw new ClientRecordsUnavailableError('read', errorReason(error));
      });
    for (const item of page.Items ?? []) {
      const client = item[TABLE.partitionKey]?.S?.slice(TABLE.mintKey('').length) ?? '';
      found.push({ client, dueAtMs: Number(item[sortKey]?.N) });
    }
    start = page.LastEvaluatedKey;
  } while (start !== undefined);
  return found;
}
