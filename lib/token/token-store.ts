import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';

import { TABLE } from '../contract.ts';
import type { ErrorCode } from '../errors.ts';
import { errorReason } from '../platform/error-reason.ts';
import { type AccessToken, accessToken } from './access-token.ts';
import { TokenStoreUnavailableError } from './errors.ts';

/** What the table tells workers of a client's token. */
export interface TokenRecord {
  /** It may be past its time: readers compare. */
  readonly token?: AccessToken;
  readonly failure?: NotedFailure;
}

/** Why no new token could be had, and when it is tried again. */
export interface NotedFailure {
  readonly code: ErrorCode;
  readonly retryAtMs?: number;
}

/**
 * Whether what failed is to be left alone: until its `retryAtMs`, and not at all without one, as older releases noted what
 * they did not try again.
 */
export function isWaiting({ retryAtMs }: { readonly retryAtMs?: number }, nowMs: number): boolean {
  return retryAtMs !== undefined && retryAtMs > nowMs;
}

/** The `token#<client>` items. Each method throws {@link TokenStoreUnavailableError} if DynamoDB does not do it. */
export interface TokenStore {
  read(client: string): Promise<TokenRecord | undefined>;
  /**
   * Stores a token and clears the failure, on condition that the table holds no token but the one replaced.
   *
   * @param replaces fingerprint of the token that was there when minting began; `undefined` if there was none
   * @returns false if another token was stored meanwhile: that one stays
   */
  replace(client: string, token: AccessToken, replaces: string | undefined): Promise<boolean>;
  /** Tells the workers why no new token can be had. A token that is there stays in service. */
  noteFailure(client: string, failure: Required<NotedFailure>, nowMs: number): Promise<void>;
}

/** How long an item outlives its use, in seconds: for a look at what happened. */
const KEEP_SECONDS = 3600;

export function createTokenStore({
  dynamodb,
  table,
}: {
  dynamodb: DynamoDBClient;
  table: string;
}): TokenStore {
  const key = (client: string): Record<string, AttributeValue> => ({
    [TABLE.partitionKey]: { S: TABLE.tokenKey(client) },
  });

  return {
    async read(client) {
      try {
        const { Item } = await dynamodb.send(
          new GetItemCommand({ TableName: table, Key: key(client), ConsistentRead: true }),
        );
        return Item && recordOf(Item);
      } catch (error) {
        throw new TokenStoreUnavailableError(client, 'read', errorReason(error));
      }
    },

    async replace(client, token, replaces) {
      try {
        await dynamodb.send(
          new PutItemCommand({
            TableName: table,
            Item: {
              ...key(client),
              accessToken: { S: token.value },
              fingerprint: { S: token.fingerprint },
              issuedAtMs: { N: String(token.issuedAtMs) },
              expiresAtMs: { N: String(token.expiresAtMs) },
              [TABLE.ttl]: { N: secondsAfter(token.expiresAtMs) },
            },
            ConditionExpression: `attribute_not_exists(fingerprint)${replaces === undefined ? '' : ' OR fingerprint = :replaces'}`,
            ...(replaces !== undefined && { ExpressionAttributeValues: { ':replaces': { S: replaces } } }),
          }),
        );
        return true;
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return false;
        throw new TokenStoreUnavailableError(client, 'write', errorReason(error));
      }
    },

    async noteFailure(client, { code, retryAtMs }, nowMs) {
      try {
        await dynamodb.send(
          new UpdateItemCommand({
            TableName: table,
            Key: key(client),
            UpdateExpression:
              'SET failureCode = :code, failureRetryAtMs = :retryAt, #ttl = if_not_exists(#ttl, :ttl)',
            ExpressionAttributeNames: { '#ttl': TABLE.ttl },
            ExpressionAttributeValues: {
              ':code': { S: code },
              ':retryAt': { N: String(retryAtMs) },
              ':ttl': { N: secondsAfter(Math.max(retryAtMs, nowMs)) },
            },
          }),
        );
      } catch (error) {
        throw new TokenStoreUnavailableError(client, 'write', errorReason(error));
      }
    },
  };
}

function secondsAfter(momentMs: number): string {
  return String(Math.ceil(momentMs / 1000) + KEEP_SECONDS);
}

function recordOf(item: Record<string, AttributeValue>): TokenRecord {
  const { accessToken: value, issuedAtMs, expiresAtMs, failureCode, failureRetryAtMs } = item;
  return {
    ...(value?.S !== undefined && {
      token: accessToken(value.S, Number(issuedAtMs?.N), Number(expiresAtMs?.N)),
    }),
    ...(failureCode?.S !== undefined && {
      failure: {
        code: failureCode.S as ErrorCode,
        ...(failureRetryAtMs?.N !== undefined && { retryAtMs: Number(failureRetryAtMs.N) }),
      },
    }),
  };
}
