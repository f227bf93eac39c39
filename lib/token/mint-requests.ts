import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';

import { TABLE } from '../contract.ts';
import { errorReason } from '../platform/error-reason.ts';
import { TokenStoreUnavailableError } from './errors.ts';

/** Lets one worker out of many be the one that asks the minter for a client's token. */
export interface MintRequests {
  /**
   * True for exactly one caller until `untilMs` passes, per client and rejected fingerprint (`undefined`: no
   * token at all). A winner that dies costs the others that much waiting, no more.
   *
   * @throws {TokenStoreUnavailableError}
   */
  claim(client: string, rejected: string | undefined, nowMs: number, untilMs: number): Promise<boolean>;
}

export function createMintRequests({
  client: dynamo,
  table,
}: {
  client: DynamoDBClient;
  table: string;
}): MintRequests {
  return {
    async claim(client, rejected, nowMs, untilMs) {
      try {
        await dynamo.send(
          new UpdateItemCommand({
            TableName: table,
            Key: { [TABLE.partitionKey]: { S: TABLE.requestKey(client) } },
            UpdateExpression: 'SET rejected = :rejected, untilMs = :until, #ttl = :ttl',
            ConditionExpression: 'attribute_not_exists(untilMs) OR untilMs <= :now OR rejected <> :rejected',
            ExpressionAttributeNames: { '#ttl': TABLE.ttl },
            ExpressionAttributeValues: {
              ':rejected': { S: rejected ?? 'none' },
              ':now': { N: String(nowMs) },
              ':until': { N: String(untilMs) },
              ':ttl': { N: String(Math.ceil(untilMs / 1000) + 3600) },
            },
          }),
        );
        return true;
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return false;
        throw new TokenStoreUnavailableError(client, 'write', errorReason(error));
      }
    },
  };
}
