import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';

import { TABLE } from '../contract.ts';
import { errorReason } from '../platform/error-reason.ts';
import { HELD, type Lease } from './client-records.ts';
import { ClientRecordsUnavailableError } from './errors.ts';

/**
 * Takes the client's token out of service and deletes what is known of it. The record goes last, so that a removal that dies in
 * between is done again. It stays if the lease is no longer held.
 *
 * @throws {ClientRecordsUnavailableError}
 */
export type DeleteClient = (lease: Lease) => Promise<void>;

export function createDeleteClient({
  dynamodb,
  table,
}: {
  readonly dynamodb: DynamoDBClient;
  readonly table: string;
}): DeleteClient {
  const keyOf = (key: string) => ({ TableName: table, Key: { [TABLE.partitionKey]: { S: key } } });

  return async ({ client, owner }) => {
    try {
      await dynamodb.send(new DeleteItemCommand(keyOf(TABLE.tokenKey(client))));
      await dynamodb.send(
        new DeleteItemCommand({
          ...keyOf(TABLE.mintKey(client)),
          ConditionExpression: HELD,
          ExpressionAttributeValues: { ':owner': { S: owner } },
        }),
      );
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return;
      throw new ClientRecordsUnavailableError('write', errorReason(error), client);
    }
  };
}
