import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';

import { TABLE } from '../contract.ts';
import { errorReason } from '../platform/error-reason.ts';
import { TokenStoreUnavailableError } from './errors.ts';

/** A function has asked the minter for a client's token, or is about to. */
export interface MintClaim {
  /** Fingerprint of the token that the API refused; absent if there was none at all. */
  readonly rejected?: string;
  readonly atMs: number;
}

/**
 * The `request#<client>` items. Only functions that may use the client write its item (IAM), so it proves to the minter
 * that one of them asked.
 */
export interface MintRequests {
  /**
   * Lets one worker out of many be the one that asks the minter. True for exactly one caller in {@link CLAIM_MS}, per client
   * and rejected fingerprint (`undefined`: no token at all). A winner that dies costs the others that much waiting, no more.
   *
   * @throws {TokenStoreUnavailableError}
   */
  claim(client: string, rejected: string | undefined, nowMs: number): Promise<boolean>;
  /** @throws {TokenStoreUnavailableError} */
  lastClaim(client: string): Promise<MintClaim | undefined>;
}

/** How long other instances leave it to one instance to ask the minter. */
export const CLAIM_MS = 5_000;

/** A request that is older, or that the clocks of two machines cannot explain, is not honoured. */
const HONOURED_MS = 60_000;

/** Whether a request for a token is one of a function that may use the client. */
export function isHonoured(
  claim: MintClaim | undefined,
  rejected: string | undefined,
  nowMs: number,
): boolean {
  return claim !== undefined && claim.rejected === rejected && Math.abs(nowMs - claim.atMs) < HONOURED_MS;
}

/** What the item says if there was no token at all. */
const NONE = 'none';

export function createMintRequests({
  dynamodb,
  table,
}: {
  dynamodb: DynamoDBClient;
  table: string;
}): MintRequests {
  const addressed = (client: string) => ({
    TableName: table,
    Key: { [TABLE.partitionKey]: { S: TABLE.requestKey(client) } },
  });

  return {
    async claim(client, rejected, nowMs) {
      const untilMs = nowMs + CLAIM_MS;
      try {
        await dynamodb.send(
          new UpdateItemCommand({
            ...addressed(client),
            UpdateExpression: 'SET rejected = :rejected, untilMs = :until, #ttl = :ttl',
            ConditionExpression: 'attribute_not_exists(untilMs) OR untilMs <= :now OR rejected <> :rejected',
            ExpressionAttributeNames: { '#ttl': TABLE.ttl },
            ExpressionAttributeValues: {
              ':rejected': { S: rejected ?? NONE },
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

    async lastClaim(client) {
      try {
        const { Item } = await dynamodb.send(
          new GetItemCommand({ ...addressed(client), ConsistentRead: true }),
        );
        const { rejected = { S: NONE }, untilMs } = Item ?? {};
        if (untilMs?.N === undefined) return undefined;
        return {
          ...(rejected.S !== undefined && rejected.S !== NONE && { rejected: rejected.S }),
          atMs: Number(untilMs.N) - CLAIM_MS,
        };
      } catch (error) {
        throw new TokenStoreUnavailableError(client, 'read', errorReason(error));
      }
    },
  };
}
